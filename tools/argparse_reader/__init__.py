"""Read the flags of an engine's releases from their sources, without importing them: see README.md."""
