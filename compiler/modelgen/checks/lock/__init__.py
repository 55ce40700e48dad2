"""Compare models.toml with models.lock. All codes are MG5xx, which do not stop `modelgen lock`."""

LOCKED_ANEW = frozenset(("repo-not-locked", "no-snapshot", "file-not-locked", "asset-not-locked", "other-weights"))
"""Rules about a models.lock that lacks something, which the next `modelgen lock` adds."""
