"""models.lock: what exactly is served, as it was found on the hub; read, written and held against what is wanted."""
