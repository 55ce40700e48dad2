"""The hub directory on disk: its layout, locks between processes, and durable changes."""
