"""Check the type and the quantization of the weights against GPUs and model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.checks.gpus.generations import (
    BFLOAT16,
    capability_text,
    name_of_card,
    needed_capability,
    oldest_card,
    other_release,
    refuses_float16,
)
from modelgen.diagnostics import Found, rule
from modelgen.engines.weights.model_config import quantization as quantization_of
from modelgen.engines.weights.schemes import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun

_FLOAT16 = ("half", "float16")


@rule("MG517", "checkpoint-for-other-cards")
def checkpoint_for_other_cards(context: Context) -> Iterator[Found]:
    """A quantized checkpoint that the engine's release cannot run on the GPU.

    ## Why
    Each quantization has a least compute capability, which releases change. vLLM stops while it loads the weights:
    "Quantization scheme is not supported for the current GPU. Min capability: 80. Current capability: 75."

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "T4"
    device = "0"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.chat]
    repo = "RedHatAI/Qwen3-4B-Instruct-2507-FP8-dynamic"
    gpus = ["gpu0"]
    args = { max-model-len = 8192 }
    ```

    ```lock
    [[snapshots]]
    repo = "RedHatAI/Qwen3-4B-Instruct-2507-FP8-dynamic"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"quantization_config": {"quant_method": "fp8"}}'
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "L4"
    device = "0"

    [models.chat]
    repo = "RedHatAI/Qwen3-4B-Instruct-2507-FP8-dynamic"
    gpus = ["gpu0"]
    args = { max-model-len = 8192 }
    ```
    """
    for name, config in context.configs.items():
        run, quantization = context.runs[name], quantization_of(config)
        method, least_card = quantization.get("quant_method"), oldest_card(context, run)
        is_flag = run.engine is not None and run.engine.quantization in run.args
        if least_card is None or not isinstance(method, str) or is_flag:
            continue
        gpu, own = least_card
        card = name_of_card(context, gpu, capability_text(own))
        needed = needed_capability(run, method, quantization)
        if needed is not None and own < needed[1]:
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is quantized as {in_words(needed[0])}, which needs compute capability "
                f"{capability_text(needed[1])} in {run.engine.title if run.engine else ''} "
                f"{run.version.text if run.version else ''}; {card} is older",
                other_release(context, run, method, quantization, own),
            )
        elif (found := _unsupported(run, method, quantization, own)) is not None:
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is quantized as {found}, which {run.engine.title if run.engine else ''} "
                f"{run.version.text if run.version else ''} does not support on {card}",
                "use a checkpoint in another format, such as FP8 or AWQ",
            )


@rule("MG534", "model-without-float16")
def model_without_float16(context: Context) -> Iterator[Found]:
    """A `dtype` of float16 for a model that vLLM refuses it for.

    ## Why
    Gemma 2, Gemma 3, GLM-4 and PLaMo 2 are numerically unstable in float16. vLLM stops from 0.9.1 on: "The model type
    'gemma3' does not support float16". Without `dtype`, it takes what the model and the GPU support.

    ## Bad
    ```toml
    [models.gemma]
    repo = "google/gemma-3-1b-it"
    args = { max-model-len = 16384, dtype = "half" }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-3-1b-it"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"}'
    ```

    ## Good
    ```toml
    [models.gemma]
    repo = "google/gemma-3-1b-it"
    args = { max-model-len = 16384, dtype = "bfloat16" }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-3-1b-it"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"}'
    ```
    """
    for name in context.configs:
        run = context.runs[name]
        for arg in context.args_of(name):
            if arg.name == arg.engine.dtype and arg.value in _FLOAT16 and refuses_float16(context, name):
                oldest = oldest_card(context, run)
                instead = "float32" if oldest is not None and oldest[1] < BFLOAT16 else "bfloat16"
                yield Found(
                    context.document.at_value(*arg.path),
                    f"{arg.version} does not support float16 for {run.model.repo}",
                    f'write `{arg.key} = "{instead}"`, or remove it',
                )


def _unsupported(run: ModelRun, method: str, config: Mapping[str, Any], own: int) -> str | None:
    """Return the name of a quantization that a release does not support on newer GPUs."""
    if run.engine is None or run.engine.unsupported_on is None or run.version is None or run.is_fork:
        return None
    return run.engine.unsupported_on(run.version, run.env, method, config, own)
