"""What the host that is described by `[host]` cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import fit
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines import images, vllm
from modelgen.engines.flag_values import as_number
from modelgen.engines.host import TOOLKIT_DRIVERS, dotted, is_windows_drive, is_wsl2, oldest_driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.resolve import Resolved

# Releases before this one read CUDA_VISIBLE_DEVICES as numbers (vllm#20939, #41848).
_READS_UUIDS = (0, 24)


@rule("MG311", "driver-too-old")
def driver_too_old(context: Context) -> Iterator[Found]:
    """The host's NVIDIA driver cannot run the image's CUDA at all.

    ## Why
    CUDA 13 needs a driver of 580 or newer, CUDA 12 one of 525 or newer (docs.nvidia.com, minor version compatibility).
    vLLM brings CUDA 13 from 0.20 on, SGLang from 0.5.11 on.

    ## Bad
    ```toml
    [host]
    driver = "570.195.03"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [host]
    driver = "570.195.03"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0-cu129"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }

    [rules]
    unpinned-repo = "off"
    driver-below-image = "off"
    ```
    """
    for resolved, cuda, driver in _on_driver(context):
        oldest = oldest_driver(cuda)
        if dotted(driver) < oldest:
            older = images.older_cuda_tag(resolved.image, resolved.version) if resolved.image else None
            fits = older is not None and dotted(driver) >= oldest_driver((12, 9))
            yield Found(
                context.document.at_value(*resolved.place),
                f"this image has CUDA {cuda[0]}.{cuda[1]}, which no driver below {oldest[0]} runs: "
                f"the host's is {driver}",
                f"write `{older}`, or update the driver" if fits else "update the driver, or take an older image",
            )


@rule("MG312", "driver-below-image", Severity.WARNING)
def driver_below_image(context: Context) -> Iterator[Found]:
    """The host's NVIDIA driver is older than the image's CUDA, which only some cards forgive.

    ## Why
    Within one major version CUDA is compatible, but the image's own condition lets only data-centre and professional
    cards with some driver branches pass. A GeForce is refused: "unsatisfied condition: cuda>=12.8" (vllm#18813).

    ## Bad
    ```toml
    [host]
    driver = "550.54.15"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [host]
    driver = "570.195.03"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    for resolved, cuda, driver in _on_driver(context):
        own = TOOLKIT_DRIVERS.get(cuda)
        if own is not None and oldest_driver(cuda) <= dotted(driver) < (own,):
            yield Found(
                context.document.at_value(*resolved.place),
                f"CUDA {cuda[0]}.{cuda[1]} came with driver {own}, the host's is {driver}: a GeForce card is refused",
                f"update the driver to {own} or newer",
            )


@rule("MG313", "wrong-arch")
def wrong_arch(context: Context) -> Iterator[Found]:
    """An image for another processor than the host's.

    ## Why
    The container ends with "exec format error", or Docker finds no matching manifest. vLLM's images are for amd64
    alone before 0.10.2, those for ROCm always.

    ## Bad
    ```toml
    [host]
    arch = "arm64"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [host]
    arch = "arm64"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    host = context.document.config.host
    for resolved in context.resolved.values():
        arches = images.arches_of(resolved.image, resolved.version) if resolved.image else frozenset()
        if host and host.arch and arches and host.arch not in arches:
            yield Found(
                context.document.at_value(*resolved.place),
                f"this image is for {' and '.join(sorted(arches))}, the host is {host.arch}",
                "take a tag or a release for that processor",
            )


@rule("MG314", "docker-too-old")
def docker_too_old(context: Context) -> Iterator[Found]:
    """A card by CDI on a Docker Engine that does not know CDI.

    ## Why
    CDI came with Engine 25; before, the device's name is looked up as a file and not found.

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
        if host and host.docker and gpu.kind == "cdi" and dotted(host.docker) < (25,):
            place = context.document.at_value("gpus", name, "kind")
            yield Found(place, f"CDI needs Docker 25, the host has {host.docker}", 'write `kind = "nvidia"`, or update')


@rule("MG315", "cdi-switched-off", Severity.WARNING)
def cdi_switched_off(context: Context) -> Iterator[Found]:
    """A card by CDI on a Docker Engine where CDI has to be switched on.

    ## Why
    Only from 28.2 on it is on by itself (docker/docs#22926). Before, a container with such a card is refused with "CDI
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
    for name, gpu in context.gpus.items():
        if host and host.docker and gpu.kind == "cdi" and (25,) <= dotted(host.docker) < (28, 2):
            yield Found(
                context.document.at_value("gpus", name, "kind"),
                f"Docker {host.docker} has CDI switched off by default",
                'write `{"features": {"cdi": true}}` into /etc/docker/daemon.json of the host',
            )


@rule("MG316", "host-memory")
def host_memory(context: Context) -> Iterator[Found]:
    """A model keeps more in the host's memory than the host has.

    ## Why
    `cpu-offload-gb` and, until 0.17, `swap-space` are pinned memory, for each card. The kernel ends the process, or
    another one.

    ## Bad
    ```toml
    [host]
    memory = "32GiB"

    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384, cpu-offload-gb = 40 }
    ```

    ## Good
    ```toml
    [host]
    memory = "64GiB"

    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384, cpu-offload-gb = 40 }
    ```
    """
    host = context.document.config.host
    for name, model in context.models.items():
        if host is None or host.memory is None:
            return
        parts = [arg for arg in context.args_of(name) if arg.name in ("cpu-offload-gb", "swap-space")]
        gibibytes = sum(as_number(arg.value) or 0 for arg in parts) * max(len(model.gpus or ()), 1)
        if parts and gibibytes * 2**30 > host.memory:
            yield Found(
                context.document.at_value(*parts[-1].path),
                f"`{name}` keeps {gibibytes:g} GiB in the host's memory, which is {fit.format_size(host.memory)}",
                "write less, or place the model on more cards",
            )


@rule("MG317", "cards-not-separable", Severity.WARNING)
def cards_not_separable(context: Context) -> Iterator[Found]:
    """A model on some of the cards of a WSL2 host.

    ## Why
    WSL2 shows every card to every container, whatever is reserved (nvidia-container-toolkit#21, #983). modelgen sets
    CUDA_VISIBLE_DEVICES there, which CUDA programs heed; nothing else keeps them off the other cards.

    ## Bad
    ```toml
    [host]
    platform = "wsl2"

    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

    [gpus.gpu1]
    memory = "24GiB"
    device = "1"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu1"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [host]
    platform = "wsl2"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    if not is_wsl2(context.document.config):
        return
    for name, model in context.models.items():
        if context.cards(model) and len(context.cards(model)) < len(context.gpus):
            yield Found(
                context.document.at_value(*context.document.origin(name, "gpus")),
                f"WSL2 shows all {len(context.gpus)} cards to `{name}`; CUDA_VISIBLE_DEVICES hides the others",
                "make sure that nothing in the image overrides it",
            )


@rule("MG318", "hub-on-windows-drive", Severity.WARNING)
def hub_on_windows_drive(context: Context) -> Iterator[Found]:
    """The hub of a WSL2 host is on a Windows drive.

    ## Why
    Containers read NTFS drives at about 20 MB/s, a thirtieth of WSL's own disk (vllm#28381, microsoft/WSL#4197).
    modelgen makes vLLM read in one go there, which helps a little.

    ## Bad
    ```toml
    [project]
    name = "demo"
    hub = "C:/models/hub"

    [host]
    platform = "wsl2"
    ```

    ## Good
    ```toml
    [project]
    name = "demo"
    hub = "~/models/hub"

    [host]
    platform = "wsl2"
    ```
    """
    if is_windows_drive(context.document.config):
        yield Found(
            context.document.at_value("project", "hub"),
            "WSL2 reads a Windows drive at about 20 MB/s",
            "keep the hub on WSL's own disk, such as `~/models/hub`, and run Compose inside WSL",
        )


@rule("MG319", "uuid-on-wsl2")
def uuid_on_wsl2(context: Context) -> Iterator[Found]:
    """A card by its UUID, on a WSL2 host with several cards, for a vLLM that reads numbers only.

    ## Why
    There the card is chosen by CUDA_VISIBLE_DEVICES, and vLLM before 0.24 ends with "invalid literal for int() with
    base 10: 'GPU-…'" (vllm#20939).

    ## Bad
    ```toml
    [host]
    platform = "wsl2"

    [gpus.gpu0]
    memory = "24GiB"
    device = "GPU-3faa8e2c-1c9e-4c93-8a6f-2d0a3a8e9f11"

    [gpus.gpu1]
    memory = "24GiB"
    device = "GPU-3faa8e2c-1c9e-4c93-8a6f-2d0a3a8e9f12"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [host]
    platform = "wsl2"

    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

    [gpus.gpu1]
    memory = "24GiB"
    device = "1"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```
    """
    if not is_wsl2(context.document.config) or len(context.gpus) < 2:
        return
    for name, model in context.of_engine(vllm.NAME):
        version = context.resolved[name].version
        for gpu in context.cards(model):
            card = context.gpus[gpu]
            is_uuid = card.kind in (None, "nvidia") and not card.device.isdigit()
            if is_uuid and version and version.release < _READS_UUIDS:
                yield Found(
                    context.document.at_value("gpus", gpu, "device"),
                    f"vLLM {version.text} cannot be told a card by its UUID, as WSL2 needs it",
                    "write the card's index, or take vLLM 0.24 or newer",
                )


def _on_driver(context: Context) -> Iterator[tuple[Resolved, tuple[int, int], str]]:
    """Yield what models with NVIDIA cards run on, its CUDA, and the host's driver, where all are known."""
    host = context.document.config.host
    if host is None or host.driver is None:
        return
    for name, model in context.models.items():
        resolved = context.resolved[name]
        kinds = {context.gpus[gpu].kind or "nvidia" for gpu in context.cards(model)}
        cuda = images.cuda_of(resolved.image, resolved.version) if resolved.image else None
        if cuda is not None and kinds and kinds <= {"nvidia", "cdi"}:
            yield resolved, cuda, host.driver
