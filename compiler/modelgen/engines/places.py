"""Where modelgen mounts what inside a container."""

from __future__ import annotations

HUB_HOME = "/root/.cache/huggingface"
# For whoever is not root, who cannot look into /root.
OPEN_HUB_HOME = "/huggingface"
# Files beside models.toml that arguments name.
FILES = "/modelgen"

HUBS = (f"{HUB_HOME}/hub", f"{OPEN_HUB_HOME}/hub")
CACHES = ("/root/.cache/vllm", "/root/.cache/sglang", "/home/vllm/.cache")
