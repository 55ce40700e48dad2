"""Inference engines: one file each, data and how to launch."""

SUPPORTED = ("vllm", "command")
PLANNED = ("sglang", "tei", "llamacpp")
