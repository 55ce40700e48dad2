"""Check health checks and published ports against the port on which an engine listens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import HealthCheck, Port
    from modelgen.lift.document import Lifted

_HOSTS = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])"
# Without a scheme, only what has a path is an address that a client asks: a proxy or a header has none.
_ADDRESS = re.compile(rf"https?://{_HOSTS}(?::(\d+))?(?=[/\s'\"?)]|$)|(?<![^\s'\"]){_HOSTS}:(\d+)(?=/)")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0, "ns": 0}
_DEFAULTS = {"interval": 30.0, "start_period": 0.0}
_RETRIES = 3
_LOADS_IN = 180


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
        gpus: all
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
        gpus: all
    ```
    """
    for lifted in context.whole():
        service, port = lifted.server.service, _port_of(lifted)
        mode = service.network_mode
        if service.health is None or port is None or (mode is not None and mode.text.startswith(("service:", "cont"))):
            continue
        for word in service.health.test:
            ports = {found[1] or found[2] or "80" for found in _ADDRESS.finditer(word.text)}
            if ports and word.is_known and port not in ports:
                found = next(_ADDRESS.finditer(word.text))
                title = lifted.server.engine.title
                yield Found(
                    word.part(*found.span()).span,
                    f"the health check asks at port {found[1] or found[2] or '80'}, and {title} listens on {port}",
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
        gpus: all
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
        gpus: all
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
        gpus: all
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
        gpus: all
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


@rule("MG614", "unserved-port", Severity.WARNING)
def unserved_port(context: ForeignContext) -> Iterator[Found]:
    """Published ports of an engine, none of which is the one on which it listens.

    ## Why
    The right number of `HOST:CONTAINER` is the port in the container, where the engine listens on its default or on
    `--port`. A client of another one gets "connection reset" or "empty reply".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        ports: ["127.0.0.1:8000:8080"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        ports: ["127.0.0.1:8000:8000"]
        gpus: all
    ```
    """
    shared = {service.network_mode.text for service in context.foreign.services.values() if service.network_mode}
    for lifted in context.whole():
        service, port = lifted.server.service, _port_of(lifted)
        if port is None or service.network_mode is not None or f"service:{lifted.name}" in shared:
            continue
        if service.ports and not any(_may_be(one, port) for one in service.ports):
            target, title = service.ports[0].target, lifted.server.engine.title
            message = (
                f"port {target.text if target else ''} of `{lifted.name}` is published, and {title} listens on {port}"
            )
            yield Found(
                (target.span if target else service.ports[0].place), message, f"write {port} after the last colon"
            )


def _may_be(port: Port, listening: str) -> bool:
    """Return whether a published port can be the one on which an engine listens."""
    target = port.target.text if port.target and port.target.is_known else ""
    first, _, last = target.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        return True
    return int(first[:6]) <= int(listening) <= int((last or first)[:6])


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
