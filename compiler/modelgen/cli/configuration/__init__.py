"""Commands that read or write models.toml and build/."""
