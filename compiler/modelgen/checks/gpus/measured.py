"""Check whether the GPUs can be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

_REMEDY = "remove `gpu_stats`"


@rule("MG446", "gpu-stats-unsupported")
def gpu_stats_unsupported(context: Context) -> Iterator[Found]:
    """A `gpu_stats` with GPUs that cannot be measured, or only with CUDA.

    ## Why
    The orchestrator reads NVML, the library of NVIDIA's driver, and its container reserves only the driver's tools. A
    CDI device would always bring the whole driver. On GPUs that share the memory of the host, such as those
    of a Jetson or DGX Spark, NVML reports no memory. GPUs of AMD have no NVML.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"

    [orchestrator]
    gpu_stats = true
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

    [orchestrator]
    gpu_stats = true
    ```
    """
    table = context.document.config.orchestrator
    if table is None or not table.gpu_stats:
        return
    for name, gpu in context.gpus.items():
        if (why := _obstacle(context, name, gpu.kind or "nvidia")) is not None:
            place = context.document.at_value("orchestrator", "gpu_stats")
            yield Found(place, f"`{name}` cannot be measured: {why}", _REMEDY)
            return


def _obstacle(context: Context, name: str, kind: str) -> str | None:
    if kind == "amd":
        return "only GPUs of NVIDIA have NVML"
    if kind == "cdi":
        return "a CDI device brings the whole driver with CUDA, and not its tools alone"
    card = context.resolved.cards.get(name)
    if card is not None and (card.unified or card.access == "runtime"):
        return "NVML reports no memory of a GPU that shares that of the host"
    return None
