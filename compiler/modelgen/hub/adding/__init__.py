"""`modelgen add`: put a local checkpoint into the hub directory, in the hub's layout."""
