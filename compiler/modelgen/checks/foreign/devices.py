"""Check what a foreign file gives an engine against what its image is for: GPUs and the network of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.foreign.context import VISIBLE
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.images.properties import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Service

_OTHER_FORMS = {"deploy", "device_cgroup_rules", "extends", "annotations"}


@rule("MG634", "no-gpu-requested", Severity.WARNING)
def no_gpu_requested(context: ForeignContext) -> Iterator[Found]:
    """An engine with an image for NVIDIA GPUs that requests none.

    ## Why
    Docker gives a container only the GPUs that it requests, unless `nvidia` is the default runtime of the host. Without
    one, vLLM and SGLang stop, and llama.cpp computes on the processor.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: all
    ```
    """
    for lifted in context.lifted:
        server, service = lifted.server, lifted.server.service
        is_cuda = server.is_release and server.image is not None and kind_of(server.image) == "nvidia"
        if is_cuda and not _may_have_gpu(service):
            message = f"`{lifted.name}` requests no GPU, and its image is for NVIDIA GPUs"
            help_text = "write `gpus: all`" if context.foreign.kind == "compose" else "write `--gpus all`"
            yield Found((service.image or service.name).span, message, help_text)


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
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --host, 127.0.0.1, --port, "9000"]
        network_mode: host
        gpus: all
    ```
    """
    for lifted in context.lifted:
        service = lifted.server.service
        if service.network_mode is not None and service.network_mode.text == "host" and service.ports:
            message = f"`{lifted.name}` is in the host's network: Docker discards its published ports"
            yield Found(service.ports[0].place, message, "remove them, and write `--host` and `--port`")


def _may_have_gpu(service: Service) -> bool:
    """Return whether a service requests a GPU, in any form, or what it requests is not completely known."""
    is_open = service.on_host or service.unread or not service.has_all_variables or service.is_privileged
    requests = service.gpus or service.devices or service.runtime is not None
    return bool(
        is_open or requests or _OTHER_FORMS & service.keys or any(name in service.variables for name in VISIBLE)
    )
