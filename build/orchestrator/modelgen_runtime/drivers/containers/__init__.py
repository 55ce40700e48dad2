"""Engines as containers that Compose created: they are only started, stopped, awaited and read.

A socket proxy allows these verbs on these containers, and nothing else of the Docker API.
"""
