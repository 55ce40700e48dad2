"""Check repositories, revisions, GGUF files and the hub directory."""
