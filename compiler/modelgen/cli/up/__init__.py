"""Implement `modelgen up` and `modelgen down`."""
