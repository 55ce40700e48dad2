"""Check images and flags against the generation of the GPUs: compute capability, or gfx name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.checks.engines.releases import release_image
from modelgen.checks.several_models import listed
from modelgen.diagnostics import Found, rule
from modelgen.engines.images import properties
from modelgen.engines.images.versions import parse_image
from modelgen.engines.weights.quantizations import lacks_quantization

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun
    from modelgen.source import Span

_FORMATS = {"awq": "AWQ", "gptq": "GPTQ"}
"""The formats to recommend, by `quant_method`: vLLM has `gptq` from 6.0 on, and lists no least capability here."""
# The least capability for bfloat16.
BFLOAT16 = 80
# Lets ROCm take the kernels of another GPU, at the user's risk.
_LAST = ", the last release with kernels for it"
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
    method awq_marlin is not supported for the current GPU". Since 0.9, it takes float16 on older GPUs with
    `dtype = "auto"`.

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
            if arg.name == arg.engine.dtype and arg.value == "bfloat16" and own < BFLOAT16:
                message = f"{card} does not support bfloat16, which needs compute capability 8.0"
                instead = "float32" if refuses_float16(context, name) else "half"
                chooses = run.version is not None and run.version.release >= arg.engine.chooses_dtype_since
                help_text = f'write `{arg.key} = "{instead}"`' + (", or remove it" if chooses else "")
                yield Found(context.document.at_value(*arg.path), message, help_text)
            elif arg.name == arg.engine.quantization and isinstance(arg.value, str):
                needed = needed_capability(run, arg.value, {})
                if needed is not None and own < needed[1] and not _lacks_quantization(context, name, arg.value):
                    least = capability_text(needed[1])
                    message = f"{card} does not support `{arg.value}` of {arg.version}"
                    message += f", which needs compute capability {least}"
                    help_text = other_release(context, run, arg.value, {}, own)
                    if arg.value.endswith("_marlin") and not help_text.startswith("write"):
                        help_text = "remove it: the engine chooses the kernel for the GPU"
                    yield Found(context.document.at_value(*arg.path), message, help_text)


def _lacks_quantization(context: Context, name: str, method: str) -> bool:
    """Return whether `quantization-at-odds` reports the flag, whose removal is the only remedy."""
    config = context.configs.get(name)
    files = {file.path for file in context.locked[name].files} if config else set()
    return bool(config) and lacks_quantization(config or {}, method, files)


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


def refuses_float16(context: Context, name: str) -> bool:
    """Return whether a locked model's release refuses float16 for it."""
    run, family = context.runs[name], context.configs.get(name, {}).get("model_type")
    if run.engine is None or run.engine.refuses_float16 is None or run.version is None or run.is_fork:
        return False
    is_replaced = any(arg.partition(".")[0] in run.engine.overrides for arg in run.args)
    return isinstance(family, str) and not is_replaced and run.engine.refuses_float16(run.version, family)


def needed_capability(run: ModelRun, method: str, config: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the name of a quantization and the least capability that a model's release needs; None if not known."""
    if run.engine is None or run.engine.least_capability is None or run.version is None or run.is_fork:
        return None
    return run.engine.least_capability(run.version, method, config)


def other_release(context: Context, run: ModelRun, method: str, config: Mapping[str, Any], own: int) -> str:
    """Return what to write for a quantization that is not for a GPU: a newer release if it is for the GPU there."""
    other = _other_format(run, own)
    if run.engine is None or run.engine.catalogue is None or run.engine.least_capability is None:
        return other
    image = release_image(context.document.config.host, run.engine, run.engine.repository)
    version = properties.version_of(parsed) if image and (parsed := parse_image(image)) else None
    needed = run.engine.least_capability(version, method, config) if version else None
    newer = image is not None and needed is not None and needed[1] <= own
    return f'write `image = "{image}"`, whose release supports it, or {other}' if newer else other


def _other_format(run: ModelRun, own: int) -> str:
    """Return the advice to use a checkpoint in a format that the model's release runs on a GPU."""
    for method, name in _FORMATS.items():
        needed = needed_capability(run, method, {})
        if needed is None or needed[1] <= own:
            return f"use a checkpoint in another format, such as {name}"
    return "use a checkpoint that is not quantized"


def _other_image(context: Context, run: ModelRun, capability: str) -> str:
    """Return what to write in place of an image without kernels for a capability."""
    if run.engine is None or run.image is None:
        return "use an image for this GPU"
    tags = run.engine.tags_for(run.image.tag or "", capability) if run.engine.tags_for is not None else None
    if tags is not None:
        names = " or ".join(f"`{run.image.name}:{tag}`" for tag in tags)
        return f"write {names}" if tags else "there is no image for this GPU; build one, or use another engine"
    host, name = context.document.config.host, run.image.name
    found = release_image(host, run.engine, name, capability=capability)
    if found is None:
        return "no release has kernels for it; use another engine, or an image that is built for it"
    return f"write `{found}`" + ("" if found == release_image(host, run.engine, name) else _LAST)


def name_of_card(context: Context, gpu: str, capability: str) -> str:
    """Return a GPU in words, such as `the T4 (7.5)`."""
    known = context.resolved.cards[gpu].known
    return f"{known.name} ({capability})" if known else f"`{gpu}` ({capability})"


def capability_text(capability: int) -> str:
    """Return a capability such as 75 as people write it, `7.5`."""
    return f"{capability // 10}.{capability % 10}"
