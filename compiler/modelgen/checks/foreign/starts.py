"""Check how a foreign file starts its engines: restarts, shared memory, tags that move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.engine import parallel_size
from modelgen.engines.images.properties import is_floating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext

_RESTARTS = ("always", "unless-stopped")
_SHM = "add `shm_size: 16gb`"


@rule("MG620", "restart-loop", Severity.WARNING)
def restart_loop(context: ForeignContext) -> Iterator[Found]:
    """An engine that Docker restarts for ever.

    ## Why
    A wrong flag or a full GPU is wrong again after a restart: the engine loads for minutes, fails, and begins again,
    while it keeps memory of the GPU from others. The reason is far up in the log.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        restart: always
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        restart: on-failure:3
        gpus: all
    ```
    """
    for lifted in context.lifted:
        restart = lifted.server.service.restart
        if restart is not None and restart.text in _RESTARTS:
            message = f"`restart: {restart.text}` repeats a start of `{lifted.name}` that fails, for ever"
            yield Found(restart.span, message, "write `restart: on-failure:3`")


@rule("MG621", "no-shared-memory", Severity.WARNING)
def no_shared_memory(context: ForeignContext) -> Iterator[Found]:
    """An engine with several processes and the 64 MiB of shared memory that Docker gives.

    ## Why
    The processes of a split model exchange data in shared memory; NCCL stops with "Bus error" when it is full
    (vllm#1710). vLLM 0.32 and newer need more than 64 MiB even on one GPU.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-32B, --tensor-parallel-size, "2"]
        gpus: [{driver: nvidia, device_ids: ["0", "1"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-32B, --tensor-parallel-size, "2"]
        shm_size: 16gb
        gpus: [{driver: nvidia, device_ids: ["0", "1"]}]
    ```
    """
    for lifted in context.lifted:
        server, service = lifted.server, lifted.server.service
        has_more = service.on_host or service.shm_size is not None or service.ipc is not None or service.unread
        if has_more or any(mount.target.text == "/dev/shm" for mount in service.mounts):  # noqa: S108 - of a container
            continue
        values = {name: entry.value for name, entry in lifted.line.entries.items() if entry.value is not None}
        size = parallel_size(server.engine, values) if server.engine.tensor_parallel else None
        since = server.engine.line.shm_since if server.engine.line else None
        if size is not None and size[0] > 1:
            place = lifted.line.entries[size[1][0]].at_value.span
            yield Found(place, f"`{lifted.name}` runs on {size[0]} GPUs with 64 MiB of shared memory", _SHM)
        elif since and server.is_release and server.version is not None and server.version.release >= since:
            place = (service.image or service.name).span
            yield Found(place, f"{server.title} needs more than the 64 MiB of shared memory that Docker gives", _SHM)


@rule("MG627", "moving-tag", Severity.WARNING)
def moving_tag(context: ForeignContext) -> Iterator[Found]:
    """An engine's image whose tag can move: `latest`, `nightly`, or none.

    ## Why
    The next pull can bring another release, in which flags are gone and defaults differ. Without the release, `modelgen
    lint` can compare flags only with all releases together; `--assume-version` names it.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:latest
        command: [Qwen/Qwen3-4B]
        gpus: all
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
        server, image = lifted.server, lifted.server.service.image
        if server.image is None or image is None or not image.is_known or server.service.on_host:
            continue
        if is_floating(server.image):
            newest = server.engine.catalogue().names[-1] if server.engine.catalogue else ""
            has_releases = server.is_release and newest
            help_text = (
                f"write the release that you run, such as `{server.image.name}:v{newest}`" if has_releases else ""
            )
            yield Found(image.span, f"`{image.text}` can be another release tomorrow", help_text or "name a release")
