"""Resolve the GPUs: memory, and the share of it that resident models may reserve together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelgen.config import Config

# The rest of a GPU is for the CUDA contexts of processes that have reserved their part (vllm#20305, #17979). A Windows
# desktop uses 5 to 13 % of the GPU that displays it (30.2 of 31.84 GiB were free, 6.96 of 8: model-runner#414).
LIMIT = 0.95
_LIMIT_BESIDE_DESKTOP = 0.85


class Card(NamedTuple):
    """A GPU: its memory in bytes, and the share of it that resident models may reserve together."""

    memory: int
    limit: float


def cards(config: Config) -> dict[str, Card]:
    """Return the GPUs by name, with the default limit of the host's platform where none is written."""
    has_desktop = config.host is not None and config.host.platform == "wsl2"
    default = _LIMIT_BESIDE_DESKTOP if has_desktop else LIMIT
    return {
        name: Card(gpu.memory, default if gpu.limit is None else gpu.limit) for name, gpu in (config.gpus or {}).items()
    }
