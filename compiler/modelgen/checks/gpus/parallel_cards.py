"""Advise on the GPUs of a model that is split over several: unequal ones, and ones without peer-to-peer access."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.flags import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.host.known_cards import KnownCard
    from modelgen.resolve import ModelRun

# NVIDIA's driver has no peer-to-peer access for these (NVIDIA/nccl#1637, vllm#51513); an RTX 3090 has it by NVLink.
_WITHOUT_PEERS = re.compile(r"RTX [45]0\d\d(?! Ada)")
SAME_MEMORY = 1.02
"""The largest difference of memories of equal size: an RTX 3090 has 12 MiB more than an RTX 4090."""
_ALL_REDUCE = "disable-custom-all-reduce"
_NO_PEERS = "NCCL_P2P_DISABLE"


@rule("MG332", "unequal-cards", Severity.INFO)
def unequal_cards(context: Context) -> Iterator[Found]:
    """A model that is split over different cards by tensor parallelism.

    ## Why
    Each GPU gets an equal part of the weights and of the KV cache, and all wait for the slowest. The smallest memory
    and the oldest generation count for all.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "RTX 3090"
    device = "GPU-3faa8e2c-1c9e-4c93-8a6f-2d0a3a8e9f11"

    [gpus.gpu1]
    card = "A40"
    device = "GPU-8d2f1c55-0b77-4f0e-9a3e-5b1f0c6a7d22"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "RTX 3090"
    device = "GPU-3faa8e2c-1c9e-4c93-8a6f-2d0a3a8e9f11"

    [gpus.gpu1]
    card = "A40"
    device = "GPU-8d2f1c55-0b77-4f0e-9a3e-5b1f0c6a7d22"

    [models.qwen]
    gpus = ["gpu1"]
    ```
    """
    for name, cards in _split(context):
        if len(cards) > 1:
            least = min(card.mebibytes for card in cards)
            small = [card for card in cards if card.mebibytes <= least * SAME_MEMORY]
            smallest = min(small, key=lambda card: (len(card.capability), card.capability))
            yield Found(
                context.at_origin(name, "gpus"),
                f"`{name}` is split over different GPUs ({', '.join(card.name for card in cards)}): each gets an equal "
                f"part, so {smallest.name} limits all of them",
                "use GPUs of one kind, or only the larger ones",
            )


@rule("MG333", "cards-without-peers", Severity.WARNING)
def cards_without_peers(context: Context) -> Iterator[Found]:
    """A model that is split over GeForce RTX 40 or 50 cards, which have no peer-to-peer access.

    ## Why
    The cards exchange data through the host's memory. If a driver or mainboard reports peer-to-peer access all the
    same, the engine hangs at its start, after "vLLM is using nccl". The two settings avoid that.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "RTX 4090"
    device = "0"

    [gpus.gpu1]
    card = "RTX 4090"
    device = "1"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "RTX 4090"
    device = "0"

    [gpus.gpu1]
    card = "RTX 4090"
    device = "1"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    env = { NCCL_P2P_DISABLE = "1" }
    args = { max-model-len = 16384, tensor-parallel-size = 2, disable-custom-all-reduce = true }
    ```
    """
    for name, cards in _split(context):
        run = context.runs[name]
        card = next((card for card in cards if _WITHOUT_PEERS.match(card.name)), None)
        if card is not None and _ALL_REDUCE not in run.args and _NO_PEERS not in run.env:
            yield Found(
                context.at_origin(name, "gpus"),
                f"{card.name} has no peer-to-peer access, over which `{name}` would exchange data",
                f'if it hangs at its start, write `env = {{ {_NO_PEERS} = "1" }}` and `{_ALL_REDUCE} = true` in `args`',
            )


def _split(context: Context) -> Iterator[tuple[str, list[KnownCard]]]:
    """Yield the models that are split over GPUs with known names, and these GPUs, each kind once."""
    for name, run in context.runs.items():
        known = [card.known for card in context.cards(run.model).values()]
        if _is_split(run) and len(known) > 1 and all(known):
            yield name, list(dict.fromkeys(card for card in known if card is not None))


def _is_split(run: ModelRun) -> bool:
    size = whole_number(run.args.get(run.engine.tensor_parallel)) if run.engine and run.engine.tensor_parallel else None
    return size is not None and size > 1
