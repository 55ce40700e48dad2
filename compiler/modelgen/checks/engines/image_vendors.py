"""Check that each image fits the GPUs of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines import ENGINES, images
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Model
    from modelgen.resolve import ModelRun

_WHOSE = {"nvidia": "NVIDIA cards", "amd": "AMD cards", "none": "no card at all"}
# CDI has any vendor's cards, which its name tells.
_CDI_VENDORS = {"nvidia.com": "nvidia", "amd.com": "amd"}


@rule("MG320", "image-for-other-cards")
def image_for_other_cards(context: Context) -> Iterator[Found]:
    """An image for the cards of one vendor on a card of another, or an image for processors on a card.

    ## Why
    Engines' images bring either CUDA or ROCm; on the other they find no device after all has been loaded.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    for name, model in context.models.items():
        run = context.runs[name]
        wanted = images.kind_of(run.image) if run.image else None
        vendors = _vendors(context, model)
        if wanted and vendors and wanted not in vendors:
            has = " and ".join(_WHOSE[vendor] for vendor in sorted(vendors))
            yield Found(
                context.document.at_value(*run.place),
                f"this image is for {_WHOSE[wanted]}, but `{name}` has {has}",
                _image_for(vendors, run),
            )


@rule("MG321", "image-without-gpu", Severity.WARNING)
def image_without_gpu(context: Context) -> Iterator[Found]:
    """An image that needs a card, for a model that has none.

    ## Why
    vLLM ends with "Failed to infer device type". One public repository in thirty forgets to reserve the card.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [rules]
    unpinned-repo = "off"
    image-without-gpu = "warning"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }

    [rules]
    unpinned-repo = "off"
    image-without-gpu = "warning"
    ```
    """
    for name, model in context.models.items():
        run = context.runs[name]
        wanted = images.kind_of(run.image) if run.image else None
        refused = any(context.document.is_refused(*path, "gpus") for path in (("models", name), ("defaults",)))
        if wanted in ("nvidia", "amd") and not model.gpus and not refused:
            others = run.engine.for_processors if run.engine else ""
            yield Found(
                context.document.at_header("models", name),
                f"`{name}` has no card, but its image is for {_WHOSE[wanted]}",
                f'write `gpus = ["…"]`, or take an image for processors{f": {others}" if others else ""}',
            )


def _vendors(context: Context, model: Model) -> set[str]:
    """Return whose cards a model has; nothing where one is of a vendor that is not known."""
    cards = [context.gpus[name] for name in context.cards(model)]
    vendors = {
        _CDI_VENDORS.get(card.device.split("/")[0], "") if card.kind == "cdi" else card.kind or "nvidia"
        for card in cards
    }
    return set() if "" in vendors else vendors


def _image_for(vendors: set[str], run: ModelRun) -> str:
    """Name the image for other GPUs; beside an engine that is not known, the default engine's."""
    engine = run.engine or ENGINES[DEFAULT_ENGINE]
    return engine.for_cards(vendors, run.version) if engine.for_cards else "take the image for the card"
