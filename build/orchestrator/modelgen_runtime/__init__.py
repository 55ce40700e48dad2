"""The orchestrator: decides which models hold the GPUs, and is the one address that clients talk to."""

__version__ = "0.1.0"
