"""Engines as containers that somebody else created: they are started, stopped, waited for and read, and no more.

A socket proxy allows these verbs on these containers, and nothing else of the Docker API.
"""
