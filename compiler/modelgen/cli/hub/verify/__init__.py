"""Implement `modelgen verify`."""
