"""Commands that add a model to models.toml, or remove one."""
