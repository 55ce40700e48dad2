"""Check images, flags and checkpoints against the generation of the GPUs: compute capability, or gfx name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.checks.engines.releases import release_image
from modelgen.checks.several_models import listed
from modelgen.diagnostics import Found, rule
from modelgen.engines.images import properties
from modelgen.engines.images.versions import parse_image
from modelgen.engines.weights.model_config import quantization as quantization_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun
    from modelgen.source import Span

_BFLOAT16 = 80
# Lets ROCm take the kernels of another GPU, at the user's risk.
_OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"


@rule("MG330", "image-for-other-generation")
def image_for_other_generation(context: Context) -> Iterator[Found]:
    """An image without kernels for the generation of a GPU.

    ## Why
    TEI has an image for each generation, and vLLM's older images lack kernels for newer GPUs. The engine stops after it
    was loaded: "Runtime compute cap 120 is not compatible with compile time compute cap 80", "no kernel image is
    available", "ptxas fatal: Value 'sm_121a' is not defined", "HIP error: invalid device function".

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "RTX PRO 6000"
    device = "0"

    [models.qwen]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:1.8"
    repo = "Qwen/Qwen3-Embedding-0.6B"
    revision = "97b0c614be4d77ee51c0cef4e5f07c00f9eb65b3"
    gpus = ["gpu0"]
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "RTX PRO 6000"
    device = "0"

    [models.qwen]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:120-1.9"
    repo = "Qwen/Qwen3-Embedding-0.6B"
    revision = "97b0c614be4d77ee51c0cef4e5f07c00f9eb65b3"
    gpus = ["gpu0"]
    ```
    """
    found: dict[tuple[Span, str, str], list[str]] = {}
    for name, run in context.runs.items():
        if run.image is None or _OVERRIDE in run.env:
            continue
        for gpu, capability in _capabilities(context, run).items():
            if properties.runs_on(run.image, run.version, capability) is False:
                card = name_of_card(context, gpu, capability)
                is_missing = properties.is_unpublished(run.image)
                lack = f"the tag `{run.image.tag}` does not exist, so there are" if is_missing else "this image has"
                message = f"{lack} no kernels for {card}"
                key = (context.document.at_value(*run.place), message, _other_image(context, run, capability))
                found.setdefault(key, []).append(name)
                break
    for (place, message, help_text), names in found.items():
        yield Found(place, f"{message}, which {listed(names)} {'has' if len(names) == 1 else 'have'}", help_text)


@rule("MG331", "flag-for-other-generation")
def flag_for_other_generation(context: Context) -> Iterator[Found]:
    """A `dtype` or `quantization` that the GPU does not support.

    ## Why
    vLLM stops: "Bfloat16 is only supported on GPUs with compute capability of at least 8.0", or "The quantization
    method awq_marlin is not supported for the current GPU". With `dtype = "auto"` it takes float16 on older GPUs.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "T4"
    device = "0"

    [models.qwen]
    args = { max-model-len = 16384, dtype = "bfloat16" }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "T4"
    device = "0"

    [models.qwen]
    args = { max-model-len = 16384, dtype = "half" }
    ```
    """
    for name, run in context.runs.items():
        least_card = oldest_card(context, run)
        if least_card is None:
            continue
        gpu, own = least_card
        for arg in context.args_of(name):
            card = name_of_card(context, gpu, capability_text(own))
            if arg.name == arg.engine.dtype and arg.value == "bfloat16" and own < _BFLOAT16:
                message = f"{card} does not support bfloat16, which needs 8.0"
                yield Found(context.document.at_value(*arg.path), message, f'write `{arg.key} = "half"`, or remove it')
            elif arg.name == arg.engine.quantization and isinstance(arg.value, str):
                needed = _needed(run, arg.value, {})
                if needed is not None and own < needed[1]:
                    least = capability_text(needed[1])
                    message = f"{card} does not support `{arg.value}` of {arg.version}, which needs {least}"
                    help_text = _other_release(context, run, arg.value, {}, own)
                    yield Found(context.document.at_value(*arg.path), message, help_text)


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
        needed = _needed(run, method, quantization)
        if needed is not None and own < needed[1]:
            card = name_of_card(context, gpu, capability_text(own))
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is quantized as {needed[0]}, which needs {capability_text(needed[1])} in "
                f"{run.engine.title if run.engine else ''} {run.version.text if run.version else ''}; {card} is older",
                _other_release(context, run, method, quantization, own),
            )


def _capabilities(context: Context, run: ModelRun) -> dict[str, str]:
    """Return the known capabilities of a model's GPUs."""
    return {name: card.capability for name, card in context.cards(run.model).items() if card.capability}


def oldest_card(context: Context, run: ModelRun) -> tuple[str, int] | None:
    """Return the oldest of a model's NVIDIA GPUs, and its capability as a number such as 75; None without one."""
    numbers = {
        name: int(capability.replace(".", ""))
        for name, capability in _capabilities(context, run).items()
        if not capability.startswith("gfx")
    }
    return min(numbers.items(), key=lambda item: item[1]) if numbers else None


def _needed(run: ModelRun, method: str, config: Mapping[str, Any]) -> tuple[str, int] | None:
    if run.engine is None or run.engine.least_capability is None or run.version is None or run.is_fork:
        return None
    return run.engine.least_capability(run.version, method, config)


def _other_release(context: Context, run: ModelRun, method: str, config: Mapping[str, Any], own: int) -> str:
    """Return what to write for a quantization that is not for a GPU: a newer release if it is for the GPU there."""
    other = "use a checkpoint in another format, such as AWQ"
    if run.engine is None or run.engine.catalogue is None or run.engine.least_capability is None:
        return other
    image = release_image(context.document.config.host, run.engine, run.engine.repository)
    version = properties.version_of(parsed) if image and (parsed := parse_image(image)) else None
    needed = run.engine.least_capability(version, method, config) if version else None
    newer = image is not None and needed is not None and needed[1] <= own
    return f'write `image = "{image}"`, whose release supports it, or {other}' if newer else other


def _other_image(context: Context, run: ModelRun, capability: str) -> str:
    """Return what to write in place of an image without kernels for a capability."""
    if run.engine is None or run.image is None:
        return "use an image for this GPU"
    if run.engine.tags_for is not None:
        tags = run.engine.tags_for(run.image.tag or "", capability)
        names = " or ".join(f"`{run.image.name}:{tag}`" for tag in tags)
        return f"write {names}" if tags else "there is no image for this GPU; build one, or use another engine"
    newest = release_image(context.document.config.host, run.engine, run.image.name)
    parsed = parse_image(newest) if newest else None
    if parsed is None or properties.runs_on(parsed, properties.version_of(parsed), capability) is False:
        return "no release has kernels for it; use another engine, or an image that is built for it"
    return f"write `{newest}`"


def name_of_card(context: Context, gpu: str, capability: str) -> str:
    """Return a GPU in words, such as `the T4 (7.5)`."""
    known = context.resolved.cards[gpu].known
    return f"{known.name} ({capability})" if known else f"`{gpu}` ({capability})"


def capability_text(capability: int) -> str:
    """Return a capability such as 75 as people write it, `7.5`."""
    return f"{capability // 10}.{capability % 10}"
