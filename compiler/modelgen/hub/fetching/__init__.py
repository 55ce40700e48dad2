"""`modelgen fetch`: bring what is locked into the hub directory."""
