"""Parse durations in the format of Go, which Compose uses."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)
# Compilation, profiling and CUDA graphs: 48 to 330 s were reported (vllm#44881, talos-argocd-proxmox#1848).
SHORTEST_START = 300
"""The default of `start_timeout` in seconds, without the time to read the weights."""
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def go_seconds(text: str) -> float:
    """Return the seconds of a valid duration such as `1m30s`."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
