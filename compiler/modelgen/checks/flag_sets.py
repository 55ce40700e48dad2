"""Flags that belong together, or to the model around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule
from modelgen.engines import ENGINES
from modelgen.engines.engine import parallel_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG213", "missing-max-model-len")
def missing_max_model_len(context: Context) -> Iterator[Found]:
    """A vllm model without `max-model-len`.

    ## Why
    The default is what the model can do at most, 262,144 tokens for the Qwen3 family. Room for that is rarely on the
    card, and vLLM says so only after minutes of loading (vllm#2418).

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, _ in context.of_engine("vllm"):
        refused = any(
            document.is_refused(*table, *key)
            for table in (("models", name, "args"), ("defaults", "args"))
            for key in ((), ("max-model-len",), ("max_model_len",))
        )
        written = {arg.name.lstrip("-") for arg in context.args_of(name)}
        if "max-model-len" not in written and not refused:
            yield Found(
                document.at_header("models", name, "args"),
                f"`{name}` lacks `max-model-len`",
                "write `args = { max-model-len = 16384 }` with the longest context that you need",
            )


@rule("MG214", "parallel-mismatch")
def parallel_mismatch(context: Context) -> Iterator[Found]:
    """Parallel sizes that do not multiply to the number of `gpus`.

    ## Why
    The engine waits for a card that was not reserved, or leaves one idle that others could use: tensor × pipeline ×
    data-parallel size is the number of cards.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, model in context.models.items():
        engine = ENGINES.get(context.resolved[name].engine)
        sizes = parallel_size(engine, model.args or {}) if engine and engine.tensor_parallel else None
        if engine is None or not model.gpus or sizes is None or sizes[0] == len(model.gpus):
            continue
        product, keys = sizes
        cards = f"{len(model.gpus)} card{'s' if len(model.gpus) > 1 else ''}"
        if keys:
            written = " × ".join(f"`{key}`" for key in keys.values())
            place = document.at_value(*document.origin(name, "args", next(iter(keys.values()))))
            yield Found(place, f"{written} is {product}, but `{name}` has {cards}", "make them equal")
        else:
            yield Found(
                document.at_value(*document.origin(name, "gpus")),
                f"`{name}` has {cards}, but uses one",
                f"write `args.{engine.tensor_parallel} = {len(model.gpus)}`",
            )
