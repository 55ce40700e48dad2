"""Explain why an engine failed: from its output to a cause, a remedy and the keys of models.toml."""
