"""Compare models.toml with models.lock. All codes are MG5xx, which do not stop `modelgen lock`."""
