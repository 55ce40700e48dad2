"""Check models against the host's Docker Engine and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import fit
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.flags import as_number
from modelgen.engines.host import dotted
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

_IN_HOST_MEMORY = ("cpu-offload-gb", "swap-space")


@rule("MG314", "docker-too-old")
def docker_too_old(context: Context) -> Iterator[Found]:
    """A GPU that the host's Docker Engine cannot pass to a container.

    ## Why
    CDI needs Docker Engine 25: older releases look the device's name up as a file and do not find it. Reservations of
    NVIDIA GPUs need 19.03.

    ## Bad
    ```toml
    [host]
    docker = "24.0.7"

    [gpus.gpu0]
    memory = "24GiB"
    device = "nvidia.com/gpu=0"
    kind = "cdi"
    ```

    ## Good
    ```toml
    [host]
    docker = "28.3"

    [gpus.gpu0]
    memory = "24GiB"
    device = "nvidia.com/gpu=0"
    kind = "cdi"
    ```
    """
    host = context.document.config.host
    for name, gpu in context.gpus.items():
        if host is None or host.docker is None:
            return
        if gpu.kind == "cdi" and dotted(host.docker) < (25,):
            place = context.document.at_value("gpus", name, "kind")
            help_text = 'update Docker, or write `kind = "nvidia"` and the index of the GPU as `device`'
            yield Found(place, f"CDI needs Docker 25, but the host has {host.docker}", help_text)
        elif gpu.kind in (None, "nvidia") and dotted(host.docker) < (19, 3):
            place = context.document.at_value("host", "docker")
            yield Found(place, f"NVIDIA GPUs need Docker 19.03, but the host has {host.docker}", "update Docker")


@rule("MG315", "cdi-switched-off", Severity.WARNING)
def cdi_switched_off(context: Context) -> Iterator[Found]:
    """A GPU by CDI, with a Docker Engine where CDI is off by default.

    ## Why
    CDI is on by default since Docker 28.2 (docker/docs#22926). Before, a container with such a GPU fails with "CDI
    device injection failed".

    ## Bad
    ```toml
    [host]
    docker = "27.5"

    [gpus.gpu0]
    memory = "24GiB"
    device = "nvidia.com/gpu=0"
    kind = "cdi"
    ```

    ## Good
    ```toml
    [host]
    docker = "28.3"

    [gpus.gpu0]
    memory = "24GiB"
    device = "nvidia.com/gpu=0"
    kind = "cdi"
    ```
    """
    host = context.document.config.host
    is_rootless = host is not None and (host.docker_socket or "").startswith("/run/user/")
    settings = f"{'~/.config' if is_rootless else '/etc'}/docker/daemon.json"
    for name, gpu in context.gpus.items():
        if host and host.docker and gpu.kind == "cdi" and (25,) <= dotted(host.docker) < (28, 2):
            yield Found(
                context.document.at_value("gpus", name, "kind"),
                f"CDI is off by default in Docker {host.docker}",
                f'put `{{"features": {{"cdi": true}}}}` into {settings} on the host',
            )


@rule("MG316", "host-memory")
def host_memory(context: Context) -> Iterator[Found]:
    """A model that keeps more in host memory than the host has, or than its `host_memory` allows.

    ## Why
    `cpu-offload-gb` and, until vLLM 0.17, `swap-space` are pinned memory per GPU. If there is not enough, the kernel
    kills the engine or another process. If GPU and host share the memory, the reservation on the GPU is added.

    ## Bad
    ```toml
    [host]
    memory = "32GiB"

    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    args = { max-model-len = 16384, cpu-offload-gb = 40 }
    ```

    ## Good
    ```toml
    [host]
    memory = "64GiB"

    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    args = { max-model-len = 16384, cpu-offload-gb = 40 }
    ```
    """
    host = context.document.config.host
    memory = host.memory if host else None
    for name, model in context.models.items():
        parts = [arg for arg in context.args_of(name) if arg.name in _IN_HOST_MEMORY and arg.is_known]
        gibibytes = sum(as_number(arg.value) or 0 for arg in parts) * max(len(model.gpus or ()), 1)
        shared = {gpu: card for gpu, card in context.cards(model).items() if card.unified}
        reserved = sum(fit.reservations(shared, model.gpu_memory).values())
        kept = of_memory(gibibytes * 2**30)
        if parts and model.host_memory is not None and gibibytes * 2**30 >= model.host_memory:
            yield Found(
                context.document.at_value(*max(parts, key=lambda arg: as_number(arg.value) or 0).path),
                f"`{name}` keeps {kept} in host memory, but its `host_memory` is {of_memory(model.host_memory)}",
                "write a smaller value, or a larger `host_memory`",
            )
        elif parts and memory is not None and gibibytes * 2**30 + reserved > memory:
            beside = f" and reserves {of_memory(reserved)} of the same memory" if reserved else ""
            yield Found(
                context.document.at_value(*max(parts, key=lambda arg: as_number(arg.value) or 0).path),
                f"`{name}` keeps {kept} in host memory{beside}, but the host has {of_memory(memory)}",
                "write a smaller value, or use more GPUs for the model",
            )
