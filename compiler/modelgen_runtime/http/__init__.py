"""HTTP/1.1 messages as bytes, requests and responses of the control API, and keys found in incoming JSON."""
