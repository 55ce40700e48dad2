"""Implement `modelgen lock`."""
