"""Check how a foreign file starts its engines, and how it finds out that they are ready."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.engine import parallel_size
from modelgen.engines.images.properties import is_floating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import HealthCheck
    from modelgen.lift.document import Lifted

_ADDRESS = re.compile(r"(?:https?://)(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(?=[/\s'\"?)]|$)")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0, "ns": 0}
_DEFAULTS = {"interval": 30.0, "start_period": 0.0}
_RETRIES = 3
_LOADS_IN = 180
_RESTARTS = ("always", "unless-stopped")
_SHARED_MEMORY = ("host", "shareable")


@rule("MG608", "health-on-other-port")
def health_on_other_port(context: ForeignContext) -> Iterator[Found]:
    """A health check that asks at a port on which the engine does not listen.

    ## Why
    A health check runs inside the container, where the engine listens on its own port, not on the published one. The
    container is never healthy, and what waits for it never starts.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --port, "8000"]
        ports: ["127.0.0.1:9000:8000"]
        healthcheck:
          test: [CMD, curl, -f, "http://localhost:9000/health"]
          start_period: 10m
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --port, "8000"]
        ports: ["127.0.0.1:9000:8000"]
        healthcheck:
          test: [CMD, curl, -f, "http://localhost:8000/health"]
          start_period: 10m
    ```
    """
    for lifted in context.whole():
        service, port = lifted.server.service, _port_of(lifted)
        mode = service.network_mode
        if service.health is None or port is None or (mode is not None and mode.text.startswith(("service:", "cont"))):
            continue
        for word in service.health.test:
            ports = {found[1] or "80" for found in _ADDRESS.finditer(word.text)}
            if ports and word.is_known and port not in ports:
                found = next(_ADDRESS.finditer(word.text))
                title = lifted.server.engine.title
                yield Found(
                    word.part(*found.span()).span,
                    f"the health check asks at port {found[1] or '80'}, and {title} listens on {port}",
                    f"write `{re.sub(r':[0-9]+$', '', found[0])}:{port}`",
                )


@rule("MG609", "missing-health")
def missing_health(context: ForeignContext) -> Iterator[Found]:
    """A service that waits until an engine is healthy, while nothing checks the engine's health.

    ## Why
    Compose stops with "container has no healthcheck configured": neither the file nor the image of the engine has one.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
      app:
        image: example/app:1
        depends_on: {text: {condition: service_healthy}}
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        healthcheck:
          test: [CMD, curl, -f, "http://localhost:8000/health"]
          start_period: 10m
      app:
        image: example/app:1
        depends_on: {text: {condition: service_healthy}}
    ```
    """
    lacking = {
        lifted.name: lifted.server
        for lifted in context.lifted
        if lifted.server.is_release
        and lifted.server.engine.line is not None
        and lifted.server.engine.line.images_lack_health
        and not lifted.server.service.unread
        and (lifted.server.service.health is None or lifted.server.service.health.is_disabled)
    }
    for name, service in context.foreign.services.items():
        for dependency in service.depends_on:
            is_waited = dependency.condition is not None and dependency.condition.text == "service_healthy"
            if is_waited and (server := lacking.get(dependency.name.text)):
                port = server.engine.port
                yield Found(
                    dependency.place,
                    f"`{name}` waits until `{dependency.name.text}` is healthy, which has no health check",
                    f"give it one: `test: [CMD, curl, -f, http://localhost:{port}{server.engine.health}]`",
                )


@rule("MG611", "flag-without-value")
def flag_without_value(context: ForeignContext) -> Iterator[Found]:
    """A flag that needs a value and has none.

    ## Why
    The engine's parser stops with "expected one argument", or takes the next flag for the value.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --max-model-len, --enforce-eager]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --max-model-len, "16384", --enforce-eager]
    ```
    """
    for lifted in context.whole():
        if lifted.server.version is not None and lifted.line.is_whole:
            for word in lifted.line.valueless:
                yield Found(word.span, f"`{word.text}` has no value", "write its value after it, or remove it")


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
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        restart: on-failure:3
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


_SHM = "add `shm_size: 16gb`"


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
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
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


@rule("MG628", "short-patience", Severity.WARNING)
def short_patience(context: ForeignContext) -> Iterator[Found]:
    """A health check that gives up before an engine can have loaded.

    ## Why
    Loading, compiling and profiling take 48 to 330 seconds without a cache (vllm#44881). A container that is not
    healthy after `start_period` and `retries` × `interval` is unhealthy, and what waits for it does not start.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        healthcheck:
          test: [CMD, curl, -f, "http://localhost:8000/health"]
          interval: 10s
          retries: 3
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        healthcheck:
          test: [CMD, curl, -f, "http://localhost:8000/health"]
          interval: 10s
          retries: 3
          start_period: 10m
    ```
    """
    for lifted in context.lifted:
        health = lifted.server.service.health
        patience = _patience(health) if health is not None and health.test and not health.is_disabled else None
        if health is None or patience is None or patience >= _LOADS_IN or lifted.server.engine.caches is None:
            continue
        place = health.times["start_period"].span if "start_period" in health.times else health.place
        message = f"the health check of `{lifted.name}` gives up after {patience:g} s, and engines load for minutes"
        yield Found(place, message, "write `start_period: 10m`: it ends with the first success")


def _patience(health: HealthCheck) -> float | None:
    """Return the seconds until a container counts as unhealthy; None where they are not known."""
    seconds: dict[str, float] = dict(_DEFAULTS)
    for name in _DEFAULTS:
        if written := health.times.get(name):
            parts = _PART.findall(written.text)
            if "".join(number + unit for number, unit in parts) != written.text:
                return None
            seconds[name] = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    retries = health.times.get("retries")
    if retries is not None and not retries.text.isdecimal():
        return None
    return seconds["start_period"] + seconds["interval"] * (int(retries.text[:6]) if retries else _RETRIES)


def _port_of(lifted: Lifted) -> str | None:
    """Return the port on which a server listens; None where it is not known."""
    line, engine = lifted.line, lifted.server.engine
    if not line.is_whole or "uds" in line.entries or "config" in line.entries:
        return None
    if entry := line.entries.get("port"):
        return entry.text if entry.text and entry.text.isdecimal() else None
    prefix = engine.variables
    if prefix is not None and f"{prefix}PORT" in lifted.server.service.variables:
        found = lifted.server.service.variable(f"{prefix}PORT")
        return found.text if found is not None and found.text.isdecimal() else None
    return str(engine.port)
