"""Read configs of llama-swap, and follow their commands into scripts and Compose files."""
