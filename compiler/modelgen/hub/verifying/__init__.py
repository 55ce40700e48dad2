"""`modelgen verify`: compare a hub directory with the lock, and repair what can be repaired offline."""
