"""Commands that talk to a running orchestrator, and the keys that they need."""
