"""Inspect and change a host through Docker's command line, with the user's own settings."""
