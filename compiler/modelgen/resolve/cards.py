"""Resolve the GPUs: memory, capability, and the share of the memory that resident models may reserve together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelgen.config import Config, Gpu
    from modelgen.engines.host.known_cards import KnownCard

# The rest of a GPU is for the CUDA contexts of processes that have reserved their part (vllm#20305, #17979). A Windows
# desktop uses 5 to 13 % of the GPU that displays it (30.2 of 31.84 GiB were free, 6.96 of 8: model-runner#414).
LIMIT = 0.95
LIMIT_BESIDE_DESKTOP = 0.85
# The rest of a memory that the host shares is all that its kernel, Docker and other programs have.
_LIMIT_OF_UNIFIED = 0.9
_LEAST_FOR_HOST = 2 * 2**30


class Card(NamedTuple):
    """A GPU.

    Args:
        memory: In bytes.
        limit: The share of the memory that resident models may reserve together.
        capability: NVIDIA's compute capability or AMD's gfx name; None if it is not known.
        unified: Whether its memory is the host's.
        known: The GPU in the table of known ones; None if no name is written, or an unknown one.
        access: How containers get it: its `kind`, or `runtime` for a Jetson.
    """

    memory: int
    limit: float
    capability: str | None = None
    unified: bool = False
    known: KnownCard | None = None
    access: str = "nvidia"


def cards(config: Config) -> dict[str, Card]:
    """Return the GPUs by name; a GPU whose memory is not known is an error of its own and left out."""
    has_desktop = config.host is not None and config.host.platform == "wsl2"
    found = {name: _card(gpu, has_desktop=has_desktop) for name, gpu in (config.gpus or {}).items()}
    return {name: card for name, card in found.items() if card is not None}


def _card(gpu: Gpu, *, has_desktop: bool) -> Card | None:
    known = _known(gpu)
    is_slice = "MIG-" in gpu.device  # which has a part of the card's memory
    memory = gpu.memory or (known.mebibytes * 2**20 if known and not is_slice else 0)
    if not memory:
        return None
    unified = gpu.unified if gpu.unified is not None else known is not None and known.unified
    limit = gpu.limit
    if limit is None:
        limit = LIMIT_BESIDE_DESKTOP if has_desktop else _limit_of_unified(memory) if unified else LIMIT
    capability = gpu.capability or (known.capability if known else None)
    return Card(memory, limit, capability, unified, known, _access(gpu, known))


def _access(gpu: Gpu, known: KnownCard | None) -> str:
    """Return how containers get a GPU.

    On a Jetson, the container toolkit refuses reservations: "invoking the NVIDIA Container Runtime Hook directly is not
    supported" (its mode is `csv`; nvidia-container-toolkit: cmd/nvidia-container-runtime-hook, 1.13 to 1.20).
    """
    kind = gpu.kind or "nvidia"
    return "runtime" if kind == "nvidia" and known is not None and known.is_jetson else kind


def _known(gpu: Gpu) -> KnownCard | None:
    if gpu.card is None:
        return None
    # Imported here: many files name no card, and most others name it as the table does.
    from modelgen.engines.host.known_cards import BY_NAME

    if gpu.card in BY_NAME:
        return BY_NAME[gpu.card]
    from modelgen.engines.host.cards import find_known

    found = find_known(gpu.card, gpu.memory)
    return found[0] if len(found) == 1 else None


def _limit_of_unified(memory: int) -> float:
    """Return a limit that leaves the host a tenth of the memory, and 2 GiB of a small one (at most half of it)."""
    left = max(0.5, 1 - _LEAST_FOR_HOST / memory)
    return min(_LIMIT_OF_UNIFIED, int(left * 100) / 100)
