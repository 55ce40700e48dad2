"""Describe how engines read a snapshot: its weights and its config.json."""
