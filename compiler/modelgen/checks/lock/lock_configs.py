"""Check models against their config.json in models.lock, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.flags import token_count
from modelgen.engines.weights.model_config import brings_code, cache_bytes, counts, length_limit
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument

_TRUE = ("1", "true", "yes")


@rule("MG508", "code-not-trusted", Severity.WARNING)
def code_not_trusted(context: Context) -> Iterator[Found]:
    """A model with Python code of its own, without `trust_remote_code`.

    ## Why
    The model's config.json has an `auto_map`. If the engine's release supports the architecture itself, it does not
    need the code. Otherwise it stops and requires `trust_remote_code`. Read the code first: it runs in the container.

    ## Bad
    ```toml
    [models.own]
    repo = "namespace/own-architecture"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "namespace/own-architecture"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"auto_map": {"AutoModel": "modeling_own.Own"}}'
    ```

    ## Good
    ```toml
    [models.own]
    repo = "namespace/own-architecture"
    trust_remote_code = true
    args = { max-model-len = 16384 }
    ```
    """
    for name, config in context.configs.items():
        engine, model = context.runs[name].engine, context.models[name]
        has_flags = engine is not None and engine.catalogue is not None and model.trust_remote_code is None
        if has_flags and brings_code(config) and not context.document.is_refused("models", name, "trust_remote_code"):
            yield Found(
                context.at_origin(name, "repo"),
                f"{model.repo} has code of its own, and `trust_remote_code` is not set",
                "read the code and write `trust_remote_code = true`, or `= false` if the engine does not need it",
            )


@rule("MG509", "length-over-model")
def length_over_model(context: Context) -> Iterator[Found]:
    """A context that is longer than the model supports.

    ## Why
    vLLM stops with "User-specified max_model_len is greater than the derived max_model_len", and SGLang stops as well.
    Beyond `max_position_embeddings` the answers of a model are useless, unless a flag scales its rotary embeddings.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 65536 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"max_position_embeddings": 40960}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = "32k" }
    ```
    """
    for name, arg, config in flags_with_config(context, "length"):
        most, length = length_limit(arg.engine, config), token_count(arg.value, iec=arg.engine.iec_lengths)
        env = context.runs[name].env
        is_allowed = any(env.get(variable, "").lower() in _TRUE for variable in arg.engine.long_lengths)
        if most is not None and length is not None and length > most and not is_allowed:
            yield Found(
                context.document.at_value(*arg.path),
                too_long(arg.key, length, context.models[name].repo, most),
                f"write `{arg.key} = {most}` or less",
            )


def too_long(flag: str, length: int, repo: str | None, most: int) -> str:
    """Return the sentence about a length that a model does not support."""
    return f"`{flag}` is {length:,}, but {repo} supports {most:,} tokens"


@rule("MG511", "whole-context", Severity.WARNING)
def whole_context(context: Context) -> Iterator[Found]:
    """A vllm model without `max-model-len` that is served with its longest context, which may not fit.

    ## Why
    Where the memory of a model can be estimated, modelgen writes the longest request that fits. Where it cannot, it
    writes the length that models.lock has. vLLM reports only after minutes of loading whether it fits on the GPU, and
    262,144 tokens of a small model need more than 24 GiB.

    ## Bad
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 40960}'
    ```

    ## Good
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 40960 }
    ```
    """
    for name in context.locked:
        is_estimated = name in context.fitted.estimates or name in context.fitted.short
        if not is_estimated and (length := context.pins[name].length) is not None:
            yield Found(
                context.document.at_header("models", name, "args"),
                f"`{name}` is served with its longest context of {length:,} tokens{_need(context, name, length)}",
                "write the longest context that you need: `args = { max-model-len = 16384 }`",
            )


@rule("MG532", "default-sequences", Severity.WARNING)
def default_sequences(context: Context) -> Iterator[Found]:
    """A hybrid model on vLLM 0.20 or newer without `max-num-seqs`.

    ## Why
    Layers with linear attention or Mamba keep one state for each running sequence. The default is 256 sequences, or
    1024 on large GPUs. If the memory has room for fewer states, vLLM stops after it has loaded the model:
    "max_num_seqs (1024) exceeds available Mamba cache blocks (614)".

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.23.0"

    [models.qwen]
    repo = "Qwen/Qwen3.6-27B"
    args = { max-model-len = 65536 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3.6-27B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"text_config": {"layer_types": ["linear_attention", "full_attention"]}}'
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.23.0"

    [models.qwen]
    repo = "Qwen/Qwen3.6-27B"
    args = { max-model-len = 65536, max-num-seqs = 32 }
    ```
    """
    for name, config in context.configs.items():
        run = context.runs[name]
        if run.engine is None or run.engine.missing_sequences is None or run.version is None or run.is_fork:
            continue
        if flag := run.engine.missing_sequences(run.version, run.args, config):
            yield Found(
                context.document.at_header("models", name, "args"),
                f"`{name}` has no `{flag}`, but {run.model.repo} keeps a state of its own for each sequence",
                f"write the number of requests at once that you need: `args = {{ {flag} = 32 }}`",
            )


def _need(context: Context, name: str, length: int) -> str:
    """Return the memory that the tokens need on the GPUs, if config.json and flags determine it."""
    size, args = cache_bytes(context.configs[name]), context.runs[name].args
    if size is None or {"kv-cache-dtype", "dtype", "hf-overrides"} & {*args}:
        return ""
    return f", which need {of_memory(size * length)} of KV cache besides the weights"


def flags_with_config(context: Context, flag: str) -> Iterator[tuple[str, Argument, Mapping[str, Any]]]:
    """Yield each model's entry for a flag of its engine with the config.json, if this config.json is decisive."""
    for name, config in context.configs.items():
        for arg in context.args_of(name):
            wanted = getattr(arg.engine, flag)
            if wanted and arg.name == wanted and counts(arg.engine, context.runs[name].args):
                yield name, arg, config
