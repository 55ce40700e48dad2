"""Check for differences of WSL2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.host import is_windows_drive, is_wsl2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

# Releases before this one read CUDA_VISIBLE_DEVICES as numbers (vllm#20939, #41848).


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
    nvidia = [name for name, gpu in context.gpus.items() if gpu.kind in (None, "nvidia")]
    for name, model in context.models.items():
        own = [card for card in context.cards(model) if card in nvidia]
        if own and len(own) < len(nvidia):
            yield Found(
                context.document.at_value(*context.document.origin(name, "gpus")),
                f"WSL2 shows every card to `{name}`; CUDA_VISIBLE_DEVICES hides those that are not its own",
                "make sure that nothing in the image overrides it",
            )


@rule("MG318", "hub-on-windows-drive", Severity.WARNING)
def hub_on_windows_drive(context: Context) -> Iterator[Found]:
    """The hub of a WSL2 host is on a Windows drive.

    ## Why
    Containers read NTFS drives at about 20 MB/s (vllm#28381, microsoft/WSL#4197).
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
    """A card by its UUID, on a WSL2 host with several cards, where only numbers are understood.

    ## Why
    There the card is chosen by CUDA_VISIBLE_DEVICES. vLLM before 0.24 ends with "invalid literal for int() with base
    10: 'GPU-…'" (vllm#20939), and CUDA takes no list that mixes indexes and UUIDs.

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
    for name, model in context.models.items():
        run = context.runs[name]
        since = run.engine.reads_uuids_since if run.engine else None
        cards = {gpu: context.gpus[gpu] for gpu in context.cards(model) if context.gpus[gpu].kind in (None, "nvidia")}
        uuids = [gpu for gpu, card in cards.items() if not card.device.isdigit()]
        for gpu in uuids:
            if run.engine and since and run.version and run.version.release < since:
                title, release = run.engine.title, ".".join(map(str, since))
                message = f"{title} {run.version.text} cannot be told a card by its UUID, as WSL2 needs it"
                help_text = f"write the card's index, or take {title} {release} or newer"
            elif len(uuids) < len(cards):
                message = f"CUDA takes no list that mixes indexes and UUIDs, as `{name}` on WSL2 needs it"
                help_text = "write indexes for all cards, or UUIDs for all"
            else:
                continue
            yield Found(context.document.at_value("gpus", gpu, "device"), message, help_text)
