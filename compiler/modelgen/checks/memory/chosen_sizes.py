"""Check what modelgen chooses by the estimate of the memory: shares of GPUs, and lengths that are not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.memory.estimates import OTHER_MODEL, alternatives_of, can_reserve_more
from modelgen.diagnostics import Found, rule
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.fit.sizing import Crowd


@rule("MG555", "unknown-need")
def unknown_need(context: Context) -> Iterator[Found]:
    """A model with `gpu_memory = "auto"` whose memory cannot be estimated.

    ## Why
    `auto` divides a GPU by what the models need, which follows from models.lock: the tensors of the files, and layers
    and heads in config.json. A guess could overcommit the GPU.

    ## Bad
    ```toml
    [models.qwen]
    gpu_memory = "auto"
    args = { max-model-len = 16384, cpu-offload-gb = 8 }
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
    [models.qwen]
    gpu_memory = "auto"
    args = { max-model-len = 16384 }
    ```
    """
    shares = context.fitted.shares
    for name, reason in (shares.unknown if shares else {}).items():
        yield Found(
            context.at_origin(name, "gpu_memory"),
            f"what `{name}` needs is not known: {reason}",
            'write a size, such as `gpu_memory = "10GiB"`',
        )


@rule("MG556", "needs-over-card")
def needs_over_card(context: Context) -> Iterator[Found]:
    """Models that are loaded together, of which `gpu_memory = "auto"` would make more than the GPU has.

    ## Why
    Each model needs its weights, what the engine needs besides, and the KV cache of one request of its longest length.
    A model with `keep_loaded` is loaded beside all others.

    ## Bad
    ```toml
    [defaults]
    gpus = ["gpu0"]
    gpu_memory = "auto"

    [models.one]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 40960 }

    [models.two]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 40960 }

    [profiles.both]
    models = ["one", "two"]
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
    [defaults]
    gpus = ["gpu0"]
    gpu_memory = "auto"

    [models.one]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 8192 }

    [models.two]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 8192 }

    [profiles.both]
    models = ["one", "two"]
    ```
    """
    shares = context.fitted.shares
    for crowd in shares.crowds if shares else ():
        group, first = crowd.group, next(iter(crowd.needs))
        parts = " and ".join(f"{of_memory(need)} for `{name}`" for name, need in crowd.needs.items())
        taken = f" beside {' and '.join(f'`{name}`' for name in group.others)}" if group.others else ""
        engine = context.runs[crowd.largest].engine
        shorter = (
            f"`{engine.length} = {crowd.longest}` or less for `{crowd.largest}`" if engine and crowd.longest else ""
        )
        place = (
            context.document.at_value("profiles", group.profile, "models")
            if group.profile
            else context.at_origin(first, "gpu_memory")
        )
        yield Found(
            place,
            f"one request each takes {parts}, and the limit of `{group.gpu}` leaves {of_memory(crowd.free)}{taken}",
            f"{f'write {shorter}, or ' if shorter else ''}{_way_out(crowd)}",
        )


def _more(context: Context, name: str) -> str:
    return "reserve more memory, or choose a smaller model" if can_reserve_more(context, name) else OTHER_MODEL


def _way_out(crowd: Crowd) -> str:
    if crowd.needs[crowd.largest] > crowd.free:
        return f"choose a smaller or quantized model than `{crowd.largest}`, or a larger GPU"
    return "take one out of the profile, or write smaller sizes by hand"


@rule("MG557", "no-length-fits")
def no_length_fits(context: Context) -> Iterator[Found]:
    """A vllm model without `max-model-len` that has no room for even a short request.

    ## Why
    Without `max-model-len`, modelgen writes the longest that fits for certain, if that is at least 2,048 tokens.

    ## Bad
    ```toml
    [models.qwen]
    gpu_memory = "9.5GiB"
    args = {}
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
    [models.qwen]
    gpu_memory = "12GiB"
    args = {}
    ```
    """
    for name, one in context.fitted.short.items():
        engine = context.runs[name].engine
        flag = engine.length if engine else ""
        yield Found(
            context.document.at_header("models", name, "args"),
            f"`{name}` has no `{flag}`, and no request of 2,048 tokens fits for certain beside its weights",
            ", or ".join([*alternatives_of(context, name, one), _more(context, name)]),
        )
