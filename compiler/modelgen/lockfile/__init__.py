"""models.lock: the exact files that are served, as found on the hub. Read, write and compare locks."""
