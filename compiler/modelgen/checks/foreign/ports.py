"""Check the ports that engines publish: whether they are free, and whether an engine listens behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Port
    from modelgen.lift.document import Lifted

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ALL = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - compared, not bound


@rule("MG618", "port-taken", Severity.WARNING)
def port_taken(context: ForeignContext) -> Iterator[Found]:
    """Engines that start together and publish the same port of the host.

    ## Why
    The second container does not start: "port is already allocated". Engines of which one is started at a time have a
    profile each.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --gpu-memory-utilization, "0.5"]
        ports: ["127.0.0.1:8000:8000"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
      embed:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-Embedding-0.6B, --gpu-memory-utilization, "0.3"]
        ports: ["127.0.0.1:8000:8000"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --gpu-memory-utilization, "0.5"]
        ports: ["127.0.0.1:8000:8000"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
      embed:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-Embedding-0.6B, --gpu-memory-utilization, "0.3"]
        ports: ["127.0.0.1:8001:8000"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```
    """
    taken: dict[str, list[tuple[str, str]]] = {}
    for lifted in context.together:
        service = lifted.server.service
        for port in service.ports if service.network_mode is None else ():
            if port.published is None or not port.published.is_known or not port.published.text.isdecimal():
                continue
            address, number = _address(port), port.published.text
            others = [
                name
                for name, other in taken.get(number, ())
                if name != lifted.name and (address == other or address in _ALL or other in _ALL)
            ]
            if others:
                message = f"`{lifted.name}` publishes port {number}, and so does `{others[0]}`"
                yield Found(port.place, message, "write another port, or give each a profile")
            taken.setdefault(number, []).append((lifted.name, address))


@rule("MG619", "unreachable-engine", Severity.WARNING)
def unreachable_engine(context: ForeignContext) -> Iterator[Found]:
    """An engine with a published port that listens inside its container only.

    ## Why
    In a container, 127.0.0.1 is the container itself: a published port leads to its other address, where nothing
    listens, and clients get "connection reset". SGLang listens on 127.0.0.1 without `--host`.

    ## Bad
    ```yaml
    services:
      text:
        image: lmsysorg/sglang:v0.5.9
        command: python3 -m sglang.launch_server --model-path Qwen/Qwen3-4B
        ports: ["127.0.0.1:30000:30000"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: lmsysorg/sglang:v0.5.9
        command: python3 -m sglang.launch_server --model-path Qwen/Qwen3-4B --host 0.0.0.0
        ports: ["127.0.0.1:30000:30000"]
        gpus: all
    ```
    """
    shared = {service.network_mode.text for service in context.foreign.services.values() if service.network_mode}
    for lifted in context.whole():
        service = lifted.server.service
        is_alone = service.network_mode is None and f"service:{lifted.name}" not in shared
        if not service.ports or not is_alone or not _is_local(lifted):
            continue
        entry = lifted.line.entries.get("host")
        place = entry.at_value.span if entry else service.ports[0].place
        message = f"no request reaches the published port of `{lifted.name}`: the engine listens on 127.0.0.1 inside"
        yield Found(place, message, "write `--host 0.0.0.0`; the address in `ports` decides which hosts reach it")


def _is_local(lifted: Lifted) -> bool:
    """Return whether a server certainly listens on an address that only its container reaches."""
    line, engine = lifted.line, lifted.server.engine
    if not line.is_whole or engine.line is None or "config" in line.entries or "uds" in line.entries:
        return False
    if entry := line.entries.get("host"):
        return entry.text in _LOOPBACK
    return engine.line.is_local


def _address(port: Port) -> str:
    return port.address.text if port.address is not None else ""
