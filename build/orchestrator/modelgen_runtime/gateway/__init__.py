"""Serve clients: accept connections, check and route requests, and stream the answers of engines."""
