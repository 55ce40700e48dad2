"""Check the GPUs that a foreign file reserves against those of the host that `--host` describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import GpuRequest
    from modelgen.source import Span


@rule("MG613", "gpu-not-on-host")
def gpu_not_on_host(context: ForeignContext) -> Iterator[Found]:
    """A GPU that the host does not have, by the file of `--host`.

    ## Why
    Docker creates the container and fails to start it: "nvidia-container-cli: device error: 1: unknown device".

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "RTX 3090"
    device = "0"
    ```

    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: [{driver: nvidia, device_ids: ["1"]}]
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "RTX 3090"
    device = "0"

    [gpus.gpu1]
    card = "RTX 3090"
    device = "1"
    ```

    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: [{driver: nvidia, device_ids: ["1"]}]
    ```
    """
    machine = context.machine
    if machine is None or machine.document is None or not machine.gpus:
        return
    devices = {gpu.device for gpu in machine.gpus.values() if gpu.kind in (None, "nvidia")}
    for name, service in context.foreign.services.items():
        for request in service.gpus:
            for place, lacking in _lacking(request, devices):
                listed = ", ".join(f"`{device}`" for device in sorted(devices)) or "none of NVIDIA"
                message = f"`{name}` reserves {lacking}, and the host has {listed}"
                yield Found(place, message, "reserve a GPU of the host, or add the GPU to the file of `--host`")


def _lacking(request: GpuRequest, devices: Collection[str]) -> Iterator[tuple[Span, str]]:
    """Yield the place and the name of each GPU that is not among the host's; the others cannot be compared."""
    if request.count_at is not None and request.number is not None and request.number > len(devices):
        yield request.count_at, f"{request.number} GPUs"
    for one in request.ids:
        is_index = one.text.isdecimal()
        comparable = all(device.isdecimal() is is_index for device in devices)
        if one.is_known and (is_index or one.text.startswith("GPU-")) and comparable and one.text not in devices:
            yield one.span, f"GPU `{one.text}`"
