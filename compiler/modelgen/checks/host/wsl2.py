"""Check the limits of WSL2: visible GPUs, UUIDs, and the speed of Windows drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.host import is_windows_drive, is_wsl2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG317", "cards-not-separable", Severity.WARNING)
@as_one("see the GPUs of other models, which only CUDA_VISIBLE_DEVICES hides")
def cards_not_separable(context: Context) -> Iterator[tuple[str, Found]]:
    """A model on only some of the GPUs of a WSL2 host.

    ## Why
    WSL2 shows every GPU to every container, whatever is reserved (nvidia-container-toolkit#21, #983). There, modelgen
    sets CUDA_VISIBLE_DEVICES, which CUDA programs respect. Nothing else keeps them from the other GPUs.

    ## Bad
    ```toml
    [host]
    platform = "wsl2"

    [gpus.gpu1]
    memory = "24GiB"
    device = "1"

    [models.qwen]
    gpus = ["gpu1"]
    ```

    ## Good
    ```toml
    [host]
    platform = "wsl2"
    ```
    """
    if not is_wsl2(context.document.config):
        return
    nvidia = [name for name, gpu in context.gpus.items() if gpu.kind in (None, "nvidia")]
    for name, model in context.models.items():
        own = [card for card in context.cards(model) if card in nvidia]
        if own and len(own) < len(nvidia):
            yield (
                name,
                Found(
                    context.at_origin(name, "gpus"),
                    f"WSL2 shows all GPUs to `{name}`; only CUDA_VISIBLE_DEVICES hides those of other models",
                    "make sure that nothing in the image changes CUDA_VISIBLE_DEVICES",
                ),
            )


@rule("MG318", "hub-on-windows-drive", Severity.WARNING)
def hub_on_windows_drive(context: Context) -> Iterator[Found]:
    """A hub directory on a Windows drive, on a WSL2 host.

    ## Why
    Containers read NTFS drives at about 20 MB/s (vllm#28381, microsoft/WSL#4197). modelgen makes vLLM read whole files
    there, which helps a little.

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
            "move the hub to WSL's own disk, such as `~/models/hub`, and run Compose inside WSL",
        )


@rule("MG319", "uuid-on-wsl2")
def uuid_on_wsl2(context: Context) -> Iterator[Found]:
    """A GPU by UUID on a WSL2 host with several GPUs, where the engine or CUDA accepts only indexes.

    ## Why
    On WSL2, CUDA_VISIBLE_DEVICES selects the GPU. vLLM before 0.24 ends with "invalid literal for int() with base 10:
    'GPU-…'" (vllm#20939, #41848), and CUDA accepts no list that mixes indexes and UUIDs.

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

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [host]
    platform = "wsl2"

    [gpus.gpu1]
    memory = "24GiB"
    device = "1"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```
    """
    if not is_wsl2(context.document.config) or len(context.gpus) < 2:
        return
    for name, model in context.models.items():
        run = context.runs[name]
        since = run.engine.reads_uuids_since if run.engine else None
        cards = {gpu: context.gpus[gpu] for gpu in context.cards(model) if context.gpus[gpu].kind in (None, "nvidia")}
        uuids = [gpu for gpu, card in cards.items() if not card.device.isdigit()]
        for gpu in uuids:
            if run.engine and since and run.version and run.version.release < since:
                title, release = run.engine.title, ".".join(map(str, since))
                message = f"{title} {run.version.text} does not accept the UUID of a GPU, which WSL2 would need"
                help_text = f"write the GPU's index, or use {title} {release} or newer"
            elif len(uuids) < len(cards):
                message = f"the GPUs of `{name}` mix indexes and UUIDs, which CUDA does not accept on WSL2"
                help_text = "write indexes for all GPUs, or UUIDs for all"
            else:
                continue
            yield Found(context.document.at_value("gpus", gpu, "device"), message, help_text)
