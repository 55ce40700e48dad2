"""Check that GPUs exist, without duplicates, under names that the runtime knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

# The pattern of a device and the advice, by kind.
_DEVICES = {
    "nvidia": (
        re.compile(r"0|[1-9]\d{0,2}|(?:GPU|MIG)-[0-9A-Za-z/-]{1,80}", re.ASCII),
        'write its index ("0") or its UUID ("GPU-…") as `nvidia-smi -L` prints them',
    ),
    "cdi": (
        re.compile(r"[a-z][a-z0-9.-]*\.[a-z]+/[A-Za-z][A-Za-z0-9_.-]*=(?!all$)[A-Za-z0-9][A-Za-z0-9_.:-]*", re.ASCII),
        'write its CDI name, such as "nvidia.com/gpu=0", as printed by `nvidia-ctk cdi list`',
    ),
    "amd": (
        re.compile(r"/dev/dri/renderD\d{3}", re.ASCII),
        'write its render node, such as "/dev/dri/renderD128", as printed by `ls -l /dev/dri/by-path`',
    ),
}


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
                yield Found(place, f"unknown GPU `{gpu}`", did_you_mean(gpu, context.known_names("gpus")))


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
            place = max(document.at_value("gpus", other, "device") for other in (first, name))
            message = f"`{first}` and `{name}` are the same GPU: device {gpu.device}"
            yield Found(place, message, "declare each GPU once")
    for name, model in context.models.items():
        seen: set[str] = set()
        for number, gpu_name in enumerate(model.gpus or ()):
            if gpu_name in seen:
                place = document.at_value(*document.origin(name, "gpus"), number)
                yield Found(place, f"`{name}` has `{gpu_name}` twice", "write each GPU once")
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
        pattern, help_text = _DEVICES[gpu.kind or "nvidia"]
        if not pattern.fullmatch(gpu.device):
            place = context.document.at_value("gpus", name, "device")
            other = next((kind for kind, (other, _) in _DEVICES.items() if other.fullmatch(gpu.device)), None)
            yield Found(
                place,
                f"`{gpu.device}` is not a GPU" + (f" of the kind `{gpu.kind}`" if gpu.kind else ""),
                f'write `kind = "{other}"`, or another device' if other else help_text,
            )
