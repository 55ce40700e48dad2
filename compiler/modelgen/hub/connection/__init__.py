"""The way to the hub: the client, the servers between, and what their answers mean."""
