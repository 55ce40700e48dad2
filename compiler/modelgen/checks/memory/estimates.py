"""Compare the longest request with the memory that is left for the KV cache, as `modelgen fit` estimates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.fit import takes_all
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.fit.estimate import Estimate
    from modelgen.source import Span

OTHER_MODEL = "choose a smaller or quantized model, a larger GPU, or more of them"


@rule("MG546", "no-room-for-context")
def no_room_for_context(context: Context) -> Iterator[Found]:
    """A model whose reserved memory has no room for its weights and one request of the longest length.

    ## Why
    vLLM finds out after it has loaded the weights: "To serve at least one request with the models's max seq len …, …
    GiB KV cache is needed, which is larger than the available KV cache memory". The sizes follow from models.lock: the
    tensors of the files, and layers and heads in config.json. Activations and CUDA graphs are estimated; the finding
    means that there is no room even if all takes as little as it may. `modelgen fit --why` prints the calculation.

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
        if estimate.verdict == "does not fit":
            needed = f"{estimate.start.length:,} tokens need {of_memory(estimate.cache.of_request)} of KV cache"
            room = f"at most {of_memory(estimate.room.high)}" if estimate.room.high > 0 else "no room"
            yield Found(
                _place(context, name),
                f"{needed}, but `{name}` has {room} for it: {_sum(estimate)}",
                _help(context, name, estimate),
            )


@rule("MG547", "tight-context", Severity.WARNING)
def tight_context(context: Context) -> Iterator[Found]:
    """A model whose longest request may not fit, since the engine needs memory besides weights and KV cache.

    ## Why
    Activations, the sampler, a vision tower and CUDA graphs come off first. How much that is can only be estimated: the
    finding means that the model fits only if they take less than expected or little more. `modelgen fit` shows the
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
        if estimate.verdict == "tight":
            room = f"{of_memory(max(0, estimate.room.low))} to {of_memory(estimate.room.high)}"
            yield Found(
                _place(context, name),
                f"`{name}` has an estimated {room} for its KV cache, and {estimate.start.length:,} tokens need "
                f"{of_memory(estimate.cache.of_request)}",
                _help(context, name, estimate),
            )


def _sum(estimate: Estimate) -> str:
    """Return what is reserved on a GPU and what goes off, line by line."""
    first, *others = (f"{of_memory(line.amount.value)} {line.name}" for line in estimate.lines)
    return f"{first}, less {', '.join(others)}"


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
    has_more = can_reserve_more(context, name)
    if not estimate.longest or engine is None:
        flags = [f"write {', or '.join(others)}"] if others else []
        rest = ["reserve more memory, or choose a smaller or quantized model" if has_more else OTHER_MODEL]
        return ", or ".join([*flags, *rest])
    more = ["reserve more memory"] if has_more else []
    return ", or ".join([f"write `{engine.length} = {estimate.longest}` or less", *others, *more])


def can_reserve_more(context: Context, name: str) -> bool:
    """Return whether a model reserves less than the limits of its GPUs allow."""
    table = context.runs[name].model
    return not takes_all(context.cards(table), table.gpu_memory)


def alternatives_of(context: Context, name: str, estimate: Estimate) -> list[str]:
    """Return at most two flags that make room for longer requests."""
    from modelgen.fit.alternatives import alternatives  # only for a model that does not fit

    run = context.runs[name]
    capability = next((card.capability for card in context.cards(run.model).values()), None)
    return [*map(str, alternatives(estimate, run, capability))]
