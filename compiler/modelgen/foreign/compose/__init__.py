"""Read Compose files, with the files that belong to them."""
