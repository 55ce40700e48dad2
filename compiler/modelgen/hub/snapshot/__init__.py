"""What a snapshot contains and which of it is needed; pure, but for reading headers."""
