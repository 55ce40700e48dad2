"""`modelgen prune`: remove what no registered models.lock needs."""
