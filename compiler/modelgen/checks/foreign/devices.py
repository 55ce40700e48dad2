"""Check what a foreign file gives an engine against what its image is for: GPUs and the network of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.images.properties import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext


@rule("MG635", "gpu-for-cpu-image", Severity.WARNING)
def gpu_for_cpu_image(context: ForeignContext) -> Iterator[Found]:
    """A GPU that is reserved for an image without support for GPUs.

    ## Why
    The engine of such an image computes on the processor, and leaves the reserved GPU unused, without an error.

    ## Bad
    ```yaml
    services:
      text:
        image: ghcr.io/ggml-org/llama.cpp:server-b8000
        command: [-m, /models/model.gguf]
        volumes: ["./models:/models:ro"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: ghcr.io/ggml-org/llama.cpp:server-cuda-b8000
        command: [-m, /models/model.gguf]
        volumes: ["./models:/models:ro"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```
    """
    for lifted in context.lifted:
        server, service = lifted.server, lifted.server.service
        if service.gpus and server.is_release and server.image is not None and kind_of(server.image) == "none":
            message = f"`{lifted.name}` reserves a GPU, and its image computes on the processor"
            yield Found(service.gpus[0].place, message, "write an image for the GPU, or remove the reservation")


@rule("MG636", "ports-on-host-network", Severity.INFO)
def ports_on_host_network(context: ForeignContext) -> Iterator[Found]:
    """Published ports of an engine that is in the network of the host.

    ## Why
    Docker discards published ports with `network_mode: host`: the engine listens on its own port, on the addresses of
    its own `--host`, whatever address and port `ports` names.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --host, 127.0.0.1]
        network_mode: host
        ports: ["127.0.0.1:9000:8000"]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --host, 127.0.0.1, --port, "9000"]
        network_mode: host
    ```
    """
    for lifted in context.lifted:
        service = lifted.server.service
        if service.network_mode is not None and service.network_mode.text == "host" and service.ports:
            message = f"`{lifted.name}` is in the host's network: Docker discards its `ports`"
            yield Found(service.ports[0].place, message, "remove `ports`, and write `--host` and `--port`")
