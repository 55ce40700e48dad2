"""`modelgen verify`: hold a hub directory against the lock, and mend what can be mended there."""
