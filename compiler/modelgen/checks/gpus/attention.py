"""Check attention backends and the type of the KV cache against the generation of the GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.gpus.generations import capability_text, name_of_card, oldest_card
from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.facts import Attention
    from modelgen.engines.images.versions import Version
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun

# DeepSeek's attention, which has backends of its own.
_LATENT = "kv_lora_rank"


@rule("MG335", "attention-for-other-cards")
def attention_for_other_cards(context: Context) -> Iterator[Found]:
    """A `kv-cache-dtype` or `attention-backend` that the release cannot run on the GPU.

    ## Why
    A KV cache in FP8 needs an attention backend that reads it. vLLM chooses one by release and GPU, and stops if none
    can: "type fp8e4nv not supported in this architecture", "No valid attention backend found". vLLM 0.11.0 needs 8.9
    for it, later releases 7.5, and from 0.24 on 8.0.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "RTX 3090"
    device = "0"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    args = { max-model-len = 16384, kv-cache-dtype = "fp8" }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "RTX 4090"
    device = "0"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    args = { max-model-len = 16384, kv-cache-dtype = "fp8" }
    ```
    """
    for name, run in context.runs.items():
        facts, oldest = run.engine.attention if run.engine else None, oldest_card(context, run)
        if facts is None or oldest is None or run.version is None or run.is_fork:
            continue
        gpu, own = oldest
        card = name_of_card(context, gpu, capability_text(own))
        for place, value, needed, help_text in (*_backends(context, name, run, own), *_caches(context, name, run, own)):
            yield Found(
                context.document.at_value(*place),
                unsupported(card, value, run.engine.title if run.engine else "", run.version, needed),
                help_text,
            )


def unsupported(card: str, value: str, engine: str, version: Version, needed: str) -> str:
    """Return the sentence about a value that a GPU does not support."""
    return f"{card} does not support {value} of {engine} {version.text}, which needs compute capability {needed}"


def _backends(context: Context, name: str, run: ModelRun, own: int) -> Iterator[tuple[Path, str, str, str]]:
    """Yield path, value, needed capability and help of a backend that a GPU does not support."""
    facts, version = run.engine.attention if run.engine else None, run.version
    if facts is None or version is None:
        return
    written = [(arg.path, arg.value) for arg in context.args_of(name) if arg.name == facts.backend_flag]
    variable = facts.backend_variable
    if not written and variable in run.env and version.release < facts.variable_until:
        written = [(path, run.env[variable]) for key, path in context.env_paths(name).items() if key == variable]
    for path, value in written:
        if isinstance(value, str) and (needed := facts.needed_for_backend(version, value, own)):
            yield path, f"`{value}`", needed, "remove it: the release chooses a backend for the GPU"
    kernels = run.env.get(facts.kernels_variable, "")
    if (needed := facts.needed_for_kernels(kernels, own)) and version.release < facts.variable_until:
        path = context.env_paths(name)[facts.kernels_variable]
        yield path, f"FlashAttention {kernels}", needed, "remove it: the release chooses a version for the GPU"


def _caches(context: Context, name: str, run: ModelRun, own: int) -> Iterator[tuple[Path, str, str, str]]:
    """Yield the same of a type of the KV cache; models with MLA have backends that are not known."""
    facts, version = run.engine.attention if run.engine else None, run.version
    if facts is None or version is None or _LATENT in context.configs.get(name, {}):
        return
    backend = _backend(run, facts)
    for arg in context.args_of(name):
        if arg.name == facts.cache_flag and isinstance(arg.value, str):
            needed = facts.least_for_cache(version, arg.value, backend)
            if needed is not None and own < needed:
                value = f"`{arg.value}` with {backend}" if backend else f"`{arg.value}`"
                yield arg.path, value, capability_text(needed), f'write `{arg.key} = "auto"`'


def _backend(run: ModelRun, facts: Attention) -> str:
    """Return the backend that the user chose; empty without one."""
    chosen = run.args.get(facts.backend_flag) or run.env.get(facts.backend_variable) or ""
    return chosen if isinstance(chosen, str) and chosen != "auto" else ""
