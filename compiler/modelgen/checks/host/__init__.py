"""Check `[host]`: Docker, drivers, memory and WSL2."""
