"""Compare the longest request with the memory that is left for the KV cache, as `modelgen fit` estimates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.fit.estimate import Estimate
    from modelgen.source import Span


@rule("MG546", "no-room-for-context")
def no_room_for_context(context: Context) -> Iterator[Found]:
    """A model whose weights and one request of the longest length need more than the reserved memory.

    ## Why
    vLLM finds out after it has loaded the weights: "To serve at least one request with the models's max seq len …, …
    GiB KV cache is needed, which is larger than the available KV cache memory". Both sizes follow from models.lock: the
    tensors of the files, and layers and heads in config.json. `modelgen fit --why` prints the calculation.

    ## Bad
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "12GiB"
    args = { max-model-len = 40960 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    weights = { BF16 = 8044936192 }
    config = '''
    {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "num_hidden_layers": 36, "hidden_size": 2560,
     "intermediate_size": 9728, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
     "vocab_size": 151936, "max_position_embeddings": 40960}'''
    ```

    ## Good
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "12GiB"
    args = { max-model-len = 8192 }
    ```
    """
    for name, estimate in context.fitted.estimates.items():
        if not _has_room(estimate):
            weights = of_memory(estimate.lines[1].amount.value)
            needed = f"{estimate.start.length:,} tokens need {of_memory(estimate.cache.of_request)} of KV cache"
            reserved = _reserved(context, name, estimate)
            yield Found(
                _place(context, name),
                f"{needed} besides {weights} of weights, but `{name}` reserves {reserved} of each GPU",
                _help(context, name, estimate),
            )


@rule("MG547", "tight-context", Severity.WARNING)
def tight_context(context: Context) -> Iterator[Found]:
    """A model whose longest request may not fit, since the engine needs memory besides weights and KV cache.

    ## Why
    Activations, the sampler, a vision tower and CUDA graphs come off first. How much that is can only be estimated: the
    finding means that the model does not fit, or only if everything takes as little as it may. `modelgen fit` shows the
    error of the estimate, and `modelgen fit --why` the calculation.

    ## Bad
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "12GiB"
    args = { max-model-len = 24576 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    weights = { BF16 = 8044936192 }
    config = '''
    {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "num_hidden_layers": 36, "hidden_size": 2560,
     "intermediate_size": 9728, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
     "vocab_size": 151936, "max_position_embeddings": 40960}'''
    ```

    ## Good
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "12GiB"
    args = { max-model-len = 8192 }
    ```
    """
    for name, estimate in context.fitted.estimates.items():
        if estimate.verdict != "fits" and _has_room(estimate):
            room = f"{of_memory(max(0, estimate.room.low))} to {of_memory(max(0, estimate.room.high))}"
            yield Found(
                _place(context, name),
                f"`{name}` has an estimated {room} for its KV cache, and {estimate.start.length:,} tokens need "
                f"{of_memory(estimate.cache.of_request)}",
                _help(context, name, estimate),
            )


def _has_room(estimate: Estimate) -> bool:
    """Return whether weights and one request fit, if the engine needed nothing besides."""
    reserved, weights = (line.amount for line in estimate.lines[:2])
    return reserved.high - weights.low >= estimate.cache.of_request


def _reserved(context: Context, name: str, estimate: Estimate) -> str:
    """Return what is reserved, as it is written: the share that the engine gets for it is rounded."""
    written = context.runs[name].model.gpu_memory
    return of_memory(written if isinstance(written, int) else estimate.start.memory * estimate.start.share)


def _place(context: Context, name: str) -> Span:
    """Return the place of the written length, else the header of the model."""
    run = context.runs[name]
    paths = [(arg.name, arg.path) for arg in context.args_of(name)]
    for flag, path in (*paths, *((arg.name, arg.path) for arg in run.plain_arguments)):
        if run.engine is not None and flag == run.engine.length:
            return context.document.at_value(*path)
    return context.document.at_header("models", name, "args")


def _help(context: Context, name: str, estimate: Estimate) -> str:
    engine, others = context.runs[name].engine, alternatives_of(context, name, estimate)
    if not estimate.longest or engine is None:
        flags = [f"write {', or '.join(others)}"] if others else []
        return ", or ".join([*flags, "reserve more memory, or choose a smaller or quantized model"])
    return ", or ".join([f"write `{engine.length} = {estimate.longest}` or less", *others, "reserve more memory"])


def alternatives_of(context: Context, name: str, estimate: Estimate) -> list[str]:
    """Return at most two flags that make room for longer requests."""
    from modelgen.fit.alternatives import alternatives  # only for a model that does not fit

    run = context.runs[name]
    capability = next((card.capability for card in context.cards(run.model).values()), None)
    return [*map(str, alternatives(estimate.start, run, capability))]
