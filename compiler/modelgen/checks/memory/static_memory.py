"""Check the part of the reserved memory that SGLang uses for weights and KV cache."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelgen import fit
from modelgen.diagnostics import Found, rule
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG324", "nothing-for-weights")
def nothing_for_weights(context: Context) -> Iterator[Found]:
    """An sglang model whose reserved memory has no room for its weights.

    ## Why
    SGLang's own share, `--mem-fraction-static`, covers only weights and KV cache. Activations and CUDA graphs need
    memory besides: 3.7 GiB of a 24 GiB GPU by SGLang's own estimate. modelgen subtracts it from the reserved memory,
    unless `mem-fraction-static` is written.

    ## Bad
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.qwen]
    engine = "sglang"
    repo = "Qwen/Qwen3-0.6B"
    gpus = ["gpu0"]
    gpu_memory = "2GiB"
    ```

    ## Good
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.qwen]
    engine = "sglang"
    repo = "Qwen/Qwen3-0.6B"
    gpus = ["gpu0"]
    gpu_memory = "8GiB"
    ```
    """
    for name, model in context.models.items():
        engine = context.runs[name].engine
        if engine is None or engine.beside_weights is None:
            continue
        cards = context.cards(model)
        reserved = fit.reservations(cards, model.gpu_memory)
        reservations = tuple((cards[gpu].memory, size) for gpu, size in reserved.items())
        args = {arg.name: arg.value for arg in context.args_of(name)}
        if model.gpu_memory is None or not reservations:
            continue
        if (needed := engine.beside_weights(context.runs[name].version, reservations, args)) is not None:
            size = of_memory(needed)
            yield Found(
                context.at_origin(name, "gpu_memory"),
                f"`{name}` reserves only what {engine.title} needs besides weights: {size}",
                "reserve more, or write a smaller `chunked-prefill-size` or `cuda-graph-max-bs`",
            )


@rule("MG351", "static-share-over-memory")
def static_share_over_memory(context: Context) -> Iterator[Found]:
    """A `mem-fraction-static` that needs more than the memory that the model reserves.

    ## Why
    `mem-fraction-static` is the share of a GPU for weights and KV cache; activations and CUDA graphs need 1 to 4 GiB
    besides. Models are loaded together if their reserved memory fits on the GPU: a model that takes more than it
    reserves ends the others with CUDA's out-of-memory error.

    ## Bad
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.qwen]
    engine = "sglang"
    repo = "Qwen/Qwen3-0.6B"
    gpus = ["gpu0"]
    gpu_memory = "12GiB"
    args = { mem-fraction-static = 0.85 }
    ```

    ## Good
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.qwen]
    engine = "sglang"
    repo = "Qwen/Qwen3-0.6B"
    gpus = ["gpu0"]
    args = { mem-fraction-static = 0.85 }
    ```
    """
    for name, model in context.models.items():
        cards = context.cards(model)
        for arg in context.args_of(name):
            is_number = isinstance(arg.value, int | float) and not isinstance(arg.value, bool)
            if not cards or arg.name != arg.engine.static_share or not is_number:
                continue
            shares = [size / cards[gpu].memory for gpu, size in fit.reservations(cards, model.gpu_memory).items()]
            if arg.value >= min(shares):
                most = math.floor(min(shares) * 10_000 + 0.01) / 10_000  # whole bytes make 0.95 a little less
                yield Found(
                    context.document.at_value(*arg.path),
                    f"`{name}` reserves {most:g} of a GPU, and `{arg.key} = {arg.value}` leaves nothing of it for "
                    "activations and CUDA graphs",
                    f"remove `{arg.key}`: modelgen computes it, or write less than {most:g}, or a larger `gpu_memory`",
                )
