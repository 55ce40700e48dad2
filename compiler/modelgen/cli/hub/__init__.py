"""Commands on the hub directory: what models.lock lists, and whether it is there."""
