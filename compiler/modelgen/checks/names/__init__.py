"""Check names: models, aliases, services and profiles."""
