"""Check the user's own Compose keys: keys that modelgen sets itself, and keys that cause trouble."""
