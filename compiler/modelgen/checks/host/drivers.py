"""Check images against the host's driver and CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines import images
from modelgen.engines.host import TOOLKIT_DRIVERS, dotted, oldest_driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun


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
    for run, cuda, driver in _on_driver(context):
        oldest = oldest_driver(cuda)
        if dotted(driver) < oldest:
            older = images.older_cuda_tag(run.image, run.version) if run.image else None
            fits = older is not None and dotted(driver) >= oldest_driver((12, 9))
            yield Found(
                context.document.at_value(*run.place),
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
    for run, cuda, driver in _on_driver(context):
        own = TOOLKIT_DRIVERS.get(cuda)
        if own is not None and oldest_driver(cuda) <= dotted(driver) < (own,):
            yield Found(
                context.document.at_value(*run.place),
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
    for run in context.runs.values():
        arches = images.arches_of(run.image, run.version) if run.image else frozenset()
        if host and host.arch and arches and host.arch not in arches:
            yield Found(
                context.document.at_value(*run.place),
                f"this image is for {' and '.join(sorted(arches))}, the host is {host.arch}",
                "take a tag or a release for that processor",
            )


def _on_driver(context: Context) -> Iterator[tuple[ModelRun, tuple[int, int], str]]:
    """Yield what models with NVIDIA cards run on, its CUDA, and the host's driver, where all are known."""
    host = context.document.config.host
    if host is None or host.driver is None:
        return
    for name, model in context.models.items():
        run = context.runs[name]
        kinds = context.kinds(model)
        cuda = images.cuda_of(run.image, run.version) if run.image else None
        if cuda is not None and kinds and kinds <= {"nvidia", "cdi"}:
            yield run, cuda, host.driver
