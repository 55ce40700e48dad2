"""What an engine looks up when it starts, run again without it."""
