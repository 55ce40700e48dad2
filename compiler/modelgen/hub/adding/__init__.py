"""`modelgen add`: put a checkpoint that is on no hub into the hub directory, in the hub's layout."""
