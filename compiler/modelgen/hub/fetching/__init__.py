"""`modelgen fetch`: download what is locked into the hub directory."""
