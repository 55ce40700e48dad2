"""`modelgen lock`: resolve what models.toml needs, on the hub or in a hub directory."""
