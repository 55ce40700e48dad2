"""Check the part of the reserved memory that SGLang uses for weights and KV cache."""

from __future__ import annotations

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
    memory besides: 3.7 GiB of a 24 GiB GPU by SGLang's own estimate. modelgen subtracts it from the reserved memory.

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
        if (needed := engine.beside_weights(reservations, args)) is not None:
            size = of_memory(needed)
            yield Found(
                context.at_origin(name, "gpu_memory"),
                f"`{name}` reserves only what {engine.title} needs besides weights: {size}",
                "reserve more, or write a smaller `chunked-prefill-size` or `cuda-graph-max-bs`",
            )
