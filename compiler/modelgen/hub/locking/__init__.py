"""`modelgen lock`: find out what models.toml needs, from the hub or from a hub directory."""
