"""Engines as containers that somebody else created: they are started, stopped, waited for and read, and no more.

What reaches the Docker Engine is let through by a gate that knows the names of these containers and these verbs alone.
"""
