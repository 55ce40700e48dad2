"""Check that GPUs exist, without duplicates, under names that the runtime knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

# By kind: the pattern of a device, and what to write.
_DEVICES = {
    "nvidia": (
        re.compile(r"0|[1-9]\d{0,2}|(?:GPU|MIG)-[0-9A-Za-z/-]{1,80}", re.ASCII),
        'write its index ("0") or its UUID ("GPU-…") as `nvidia-smi -L` prints them',
    ),
    "cdi": (
        re.compile(r"[a-z][a-z0-9.-]*\.[a-z]+/[A-Za-z][A-Za-z0-9_.-]*=(?!all$)[A-Za-z0-9][A-Za-z0-9_.:-]*", re.ASCII),
        'write its CDI name, such as "nvidia.com/gpu=0", as `nvidia-ctk cdi list` prints it',
    ),
    "amd": (
        re.compile(r"/dev/dri/renderD\d{3}", re.ASCII),
        'write its render node, such as "/dev/dri/renderD128", as `ls -l /dev/dri/by-path` tells it',
    ),
}


@rule("MG301", "unknown-gpu")
def unknown_gpu(context: Context) -> Iterator[Found]:
    """A model names a card that `[gpus]` does not have.

    ## Why
    GPUs are declared once, with their memory, so that reservations can be added up.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu1"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, model in context.models.items():
        for number, gpu in enumerate(model.gpus or ()):
            if not context.is_known("gpus", gpu):
                place = document.at_value(*document.origin(name, "gpus"), number)
                yield Found(place, f"unknown GPU `{gpu}`", did_you_mean(gpu, context.known_names("gpus")))


@rule("MG302", "gpu-twice")
def gpu_twice(context: Context) -> Iterator[Found]:
    """One card twice: in a model's `gpus`, or as two tables with one `device`.

    ## Why
    A reservation would be counted twice, or two budgets would be spent on one card.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

    [gpus.gpu1]
    memory = "24GiB"
    device = "0"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

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
            place = max(document.at_value("gpus", other, "device") for other in (first, name))
            yield Found(place, f"`{first}` and `{name}` are one card: device {gpu.device}", "declare each card once")
    for name, model in context.models.items():
        seen: set[str] = set()
        for number, gpu_name in enumerate(model.gpus or ()):
            if gpu_name in seen:
                place = document.at_value(*document.origin(name, "gpus"), number)
                yield Found(place, f"`{name}` names `{gpu_name}` twice", "name each card once")
            seen.add(gpu_name)


@rule("MG303", "bad-device")
def bad_device(context: Context) -> Iterator[Found]:
    """A `device` that the container runtime would not know.

    ## Why
    NVIDIA's runtime takes an index or a UUID. UUIDs survive a reboot and a card that is plugged in; indexes may not.
    CDI takes a name, `vendor/class=device`, and AMD's driver a render node.

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
        pattern, help_text = _DEVICES[gpu.kind or "nvidia"]
        if not pattern.fullmatch(gpu.device):
            place = context.document.at_value("gpus", name, "device")
            other = next((kind for kind, (other, _) in _DEVICES.items() if other.fullmatch(gpu.device)), None)
            yield Found(
                place,
                f"`{gpu.device}` is not a card" + (f" of the kind `{gpu.kind}`" if gpu.kind else ""),
                f'write `kind = "{other}"`, or another device' if other else help_text,
            )
