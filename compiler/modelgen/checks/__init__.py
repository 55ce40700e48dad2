"""Check a models.toml whose shape is valid: one function per rule, all of which `all_checks` names."""
