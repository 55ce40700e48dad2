"""Check attention backends and the type of the KV cache against the generation of the GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.gpus.generations import capability_text, name_of_card, oldest_card
from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.facts import Attention
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
        backend = _backend(run, facts)
        has_latent = _LATENT in context.configs.get(name, {})
        for arg in context.args_of(name):
            if not isinstance(arg.value, str):
                continue
            needed, help_text = None, ""
            if arg.name == facts.backend_flag:
                needed = facts.least_for_backend(run.version, arg.value)
                help_text = "remove it: the release chooses a backend for the GPU"
            elif arg.name == facts.cache_flag and not has_latent:
                needed = facts.least_for_cache(run.version, arg.value, backend)
                help_text = f'write `{arg.key} = "auto"`'
            if needed is not None and own < needed:
                card = name_of_card(context, gpu, capability_text(own))
                of_backend = f" with {backend}" if backend and arg.name == facts.cache_flag else ""
                yield Found(
                    context.document.at_value(*arg.path),
                    f"{card} does not support `{arg.value}`{of_backend} of {arg.version}, "
                    f"which needs {capability_text(needed)}",
                    help_text,
                )


def _backend(run: ModelRun, facts: Attention) -> str:
    """Return the backend that the user chose; empty without one."""
    chosen = run.args.get(facts.backend_flag) or run.env.get(facts.backend_variable) or ""
    return chosen if isinstance(chosen, str) and chosen != "auto" else ""
