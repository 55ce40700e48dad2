"""Check that each image fits the GPUs of its model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from modelgen.checks.gpu_kinds import is_for_unsupported, is_of_other_kind
from modelgen.checks.several_models import as_one, listed
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines import ENGINES
from modelgen.engines.images import properties
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Model
    from modelgen.resolve import ModelRun
    from modelgen.source import Span

_GPUS_OF = {
    "nvidia": "NVIDIA GPUs",
    "amd": "AMD GPUs",
    "intel": "Intel GPUs",
    "musa": "GPUs of Moore Threads",
    "gaudi": "Gaudi",
    "tpu": "TPUs",
    "ascend": "Ascend NPUs",
    "none": "processors",
}
_OF_L4T = ("7.2", "8.7")
# docs.vllm.ai/projects/ascend, quick start of 0.13.0. It mounts the driver's files, too.
_DEVICES = {"ascend": ("/dev/davinci0", "/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc")}
# The vendor in a CDI device's name.
_CDI_VENDORS = {"nvidia.com": "nvidia", "amd.com": "amd"}


@rule("MG320", "image-for-other-cards")
def image_for_other_cards(context: Context) -> Iterator[Found]:
    """An image for GPUs of another vendor, or an image for processors on a model with GPUs.

    ## Why
    An image is built for the GPUs of one vendor. On others, the engine finds no device after everything is loaded.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"
    ```
    """
    found: dict[tuple[Span, str, str, str], list[str]] = {}
    for name, model in context.models.items():
        run = context.runs[name]
        wanted = properties.kind_of(run.image) if run.image else None
        vendors = _vendors(context, model)
        if any(is_of_other_kind(context, gpu) for gpu in context.cards(model)) or is_for_unsupported(run):
            continue
        if wanted and vendors and wanted not in vendors:
            place, other = context.document.at_value(*run.place), " and ".join(_GPUS_OF[one] for one in sorted(vendors))
            found.setdefault((place, _GPUS_OF[wanted], other, _image_for(vendors, run)), []).append(name)
    for (place, own, other, help_text), names in found.items():
        have = "has" if len(names) == 1 else "have"
        yield Found(place, f"this image is for {own}, but {listed(names)} {have} {other}", help_text)


@rule("MG265", "image-for-unsupported")
def image_for_unsupported(context: Context) -> Iterator[Found]:
    """An image of vLLM for accelerators that modelgen does not support: Gaudi, TPU, or Ascend.

    ## Why
    modelgen knows the devices, variables and releases of NVIDIA and AMD. The images for others have plugins with
    numbers of their own. Such a program runs as a `command`, with the devices that its project names.

    ## Bad
    ```toml
    [engines.vllm]
    image = "opea/vllm-gaudi:1.22.0"
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "command"
    image = "opea/vllm-gaudi:1.22.0"
    command = ["vllm", "serve", "Qwen/Qwen3-4B", "--port", "{port}"]
    compose = { devices = ["/dev/accel"] }
    ```
    """
    places = {run.place: run for run in context.runs.values() if is_for_unsupported(run)}
    for path, run in places.items():
        kind = (properties.kind_of(run.image) or "") if run.image else ""
        devices = json.dumps(_DEVICES.get(kind, ("/dev/accel",)))
        more = ", and the mounts of its project's guide" if kind in _DEVICES else ""
        yield Found(
            context.document.at_value(*path),
            f"this image is for {_GPUS_OF.get(kind, '')}, which modelgen does not support",
            f'run it as `engine = "command"`, with its devices in `compose`: `devices = {devices}`{more}',
        )


@rule("MG321", "image-without-gpu", Severity.WARNING)
@as_one("have no GPU, but an image for GPUs")
def image_without_gpu(context: Context) -> Iterator[tuple[str, Found]]:
    """An image for GPUs on a model that has none.

    ## Why
    vLLM ends with "Failed to infer device type". One in thirty public repositories reserves no GPU.

    ## Bad
    ```toml
    [models.qwen]
    gpus = []

    [rules]
    image-without-gpu = "warning"
    ```

    ## Good
    ```toml
    [models.qwen]
    gpus = ["gpu0"]

    [rules]
    image-without-gpu = "warning"
    ```
    """
    for name, model in context.models.items():
        run = context.runs[name]
        wanted = properties.kind_of(run.image) if run.image else None
        refused = any(context.document.is_refused(*path, "gpus") for path in (("models", name), ("defaults",)))
        if wanted in ("nvidia", "amd") and not model.gpus and not refused:
            others, gpu = run.engine.for_processors if run.engine else "", next(iter(context.gpus), "…")
            yield (
                name,
                Found(
                    context.document.at_header("models", name),
                    f"`{name}` has no GPU, but its image is for {_GPUS_OF[wanted]}",
                    f'write `gpus = ["{gpu}"]`, or use an image for processors{f": {others}" if others else ""}',
                ),
            )


@rule("MG334", "image-for-servers", Severity.WARNING)
@as_one("are on a Jetson Orin, with an image for servers")
def image_for_servers(context: Context) -> Iterator[tuple[str, Found]]:
    """An engine's own image on a Jetson Orin or Xavier.

    ## Why
    A Jetson Orin or Xavier has CUDA libraries and a driver of its own, Jetson Linux (L4T). The images that engines
    publish are built for servers: those with CUDA 13 do not start beside an Orin's driver 540, and others end with "no
    kernel image is available for execution on the device".

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "Jetson AGX Orin 64GB"
    device = "0"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "Jetson AGX Orin 64GB"
    device = "0"

    [engines.vllm]
    image = "ghcr.io/nvidia-ai-iot/vllm:r36.4-tegra-aarch64-cu126-22.04"
    version = "0.19.0"
    ```
    """
    for name, run in context.runs.items():
        known = [card.known for card in context.cards(run.model).values() if card.known]
        jetson = next((card for card in known if card.is_jetson and card.capability in _OF_L4T), None)
        if jetson is None or run.image is None or properties.kind_of(run.image) != "nvidia":
            continue
        yield (
            name,
            Found(
                context.document.at_value(*run.place),
                f"`{run.image.name}` is built for servers, but `{name}` is on a {jetson.name}",
                "use an image for Jetson Linux (L4T), such as one of ghcr.io/nvidia-ai-iot, and its `version`",
            ),
        )


def _vendors(context: Context, model: Model) -> set[str]:
    """Return the vendors of a model's GPUs; empty if one of them is not known."""
    cards = [context.gpus[name] for name in context.cards(model)]
    vendors = {
        _CDI_VENDORS.get(card.device.split("/")[0], "") if card.kind == "cdi" else card.kind or "nvidia"
        for card in cards
    }
    return set() if "" in vendors else vendors


def _image_for(vendors: set[str], run: ModelRun) -> str:
    """Return advice on an image for other GPUs; for an unknown engine, that of the default engine."""
    engine = run.engine or ENGINES[DEFAULT_ENGINE]
    return engine.for_cards(vendors, run.version) if engine.for_cards else "use an image for this GPU"
