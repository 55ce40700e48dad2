"""Check that GPUs exist, without duplicates, under names that the runtime knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.gpu_kinds import DEVICES, kind_of_card
from modelgen.checks.gpus.parallel_cards import SAME_MEMORY
from modelgen.config.familiar_values import as_gpus
from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.host import is_wsl2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Gpu


@rule("MG301", "unknown-gpu")
def unknown_gpu(context: Context) -> Iterator[Found]:
    """A model with a GPU that is not in `[gpus]`.

    ## Why
    Each GPU is declared once, with its memory, so that modelgen can add up the reservations on it.

    ## Bad
    ```toml
    [models.qwen]
    gpus = ["gpu1"]
    ```

    ## Good
    ```toml
    [models.qwen]
    gpus = ["gpu0"]
    ```
    """
    document = context.document
    for name, model in context.models.items():
        for number, gpu in enumerate(model.gpus or ()):
            if not context.is_known("gpus", gpu):
                place = document.at_value(*document.origin(name, "gpus"), number)
                every = as_gpus([gpu], {"gpus": context.gpus}) if gpu in ("all", "auto") else ""
                meant = f"write `gpus = {every}`" if every else did_you_mean(gpu, context.known_names("gpus"))
                yield Found(place, f"unknown GPU `{gpu}`", meant)


@rule("MG302", "gpu-twice")
def gpu_twice(context: Context) -> Iterator[Found]:
    """A GPU that occurs twice: in a model's `gpus`, or as two tables with the same `device`.

    ## Why
    Its reservation would count twice, or its memory would be given out twice.

    ## Bad
    ```toml
    [gpus.gpu1]
    memory = "24GiB"
    device = "0"
    ```

    ## Good
    ```toml
    [gpus.gpu1]
    memory = "24GiB"
    device = "1"
    ```
    """
    document = context.document
    devices: dict[str, str] = {}
    for name, gpu in context.gpus.items():
        first = devices.setdefault(gpu.device.removeprefix("nvidia.com/gpu="), name)
        if first != name:
            place, later = max((document.at_value("gpus", other, "device"), other) for other in (first, name))
            message = f"`{first}` and `{name}` are the same GPU: device {gpu.device}"
            yield Found(place, message, f"remove `[gpus.{later}]`: a GPU is declared once")
    for name, model in context.models.items():
        seen: set[str] = set()
        for number, gpu_name in enumerate(model.gpus or ()):
            if gpu_name in seen:
                place = document.at_value(*document.origin(name, "gpus"), number)
                yield Found(place, f"`{name}` has `{gpu_name}` twice", "remove it: each GPU is written once")
            seen.add(gpu_name)


@rule("MG303", "bad-device")
def bad_device(context: Context) -> Iterator[Found]:
    """A `device` that the container runtime does not accept.

    ## Why
    NVIDIA's runtime accepts an index or a UUID. UUIDs stay the same after a reboot and when another GPU is added;
    indexes may change. CDI accepts a name, `vendor/class=device`, and AMD's driver a render node.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "all"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "GPU-3faa8e2c-1c9e-4c93-8a6f-2d0a3a8e9f11"
    ```
    """
    for name, gpu in context.gpus.items():
        if context.document.is_refused("gpus", name, "kind"):
            continue
        pattern, help_text = DEVICES[gpu.kind or "nvidia"]
        if not pattern.fullmatch(gpu.device) and kind_of_card(context, name) is None:
            place = context.document.at_value("gpus", name, "device")
            other = next((kind for kind, (other, _) in DEVICES.items() if other.fullmatch(gpu.device)), None)
            yield Found(
                place,
                f"`{gpu.device}` is not a GPU" + (f" of the kind `{gpu.kind}`" if gpu.kind else ""),
                _device_for(gpu, other) if other else help_text,
            )


def _device_for(gpu: Gpu, other: str) -> str:
    """Return what to write for a device of another kind than the GPU's."""
    if gpu.kind == "cdi" and other == "nvidia":
        return f'write `device = "nvidia.com/gpu={gpu.device}"`, or `kind = "nvidia"`'
    return f'write `kind = "{other}"`, or another device'


@rule("MG325", "index-of-unequal-cards", Severity.INFO)
def index_of_unequal_cards(context: Context) -> Iterator[Found]:
    """Several NVIDIA GPUs by index although they differ.

    ## Why
    An index can change at a reboot, after a GPU was added or removed. Models then start on a GPU that has not the
    memory or the generation of their table. A UUID belongs to the GPU itself. Equal GPUs are not reported, since it
    makes no difference which one a model gets, nor are those of WSL2, where older engines accept only indexes.

    ## Bad
    ```toml
    [gpus.gpu1]
    memory = "48GiB"
    device = "1"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "GPU-3faa8e2c-1c9e-4c93-8a6f-2d0a3a8e9f11"

    [gpus.gpu1]
    memory = "48GiB"
    device = "GPU-8d2f1c55-0b77-4f0e-9a3e-5b1f0c6a7d22"
    ```
    """
    if is_wsl2(context.document.config):
        return
    indexes = {name: gpu for name, gpu in context.gpus.items() if gpu.kind in (None, "nvidia") and gpu.device.isdigit()}
    cards = [card for name, card in context.resolved.cards.items() if name in indexes]
    sizes, generations = [card.memory for card in cards], {card.capability for card in cards if card.capability}
    differs = "memory" if sizes and max(sizes) > min(sizes) * SAME_MEMORY else ""
    differs = differs or ("generation" if len(generations) > 1 else "")
    if differs:
        place, name = min((context.document.at_value("gpus", name, "device"), name) for name in indexes)
        message = f"the index of `{name}` may be that of another GPU after a reboot, and the GPUs differ in {differs}"
        yield Found(place, message, "write the UUIDs of all GPUs, as printed by `nvidia-smi -L`")
