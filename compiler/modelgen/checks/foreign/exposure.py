"""Check what a foreign file gives away: tokens, open ports, the Docker socket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Port, Service, Value

_TOKEN = re.compile(r"\b(?:hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{32,}|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,})")
_PLACEHOLDER = re.compile(
    r"x{4,}|\*{3,}|your|token|here|example|change|placeholder|1234|abcd|<|>|\.\.\.", re.IGNORECASE
)
_LOCAL = ("127.", "localhost", "[::1]", "::1")
_SOCKET = "/var/run/docker.sock"
_KEYS = ("api-key", "api-key-file")
_KEY_VARIABLES = ("VLLM_API_KEY", "LLAMA_API_KEY", "API_KEY", "INFINITY_API_KEY", "SGLANG_API_KEY")


@rule("MG624", "written-token", Severity.WARNING)
def written_token(context: ForeignContext) -> Iterator[Found]:
    """A token in the file.

    ## Why
    Compose files are committed and copied, and `docker inspect` shows their values. Revoke the token: an engine whose
    weights are on disk needs none.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        environment: {HF_TOKEN: hf_QmVzdGlzY2hTdHJpbmdPaG5lU2lubgAbC}
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        environment: [HF_TOKEN]
        gpus: all
    ```
    """
    for name, service in context.foreign.services.items():
        values = [one.value for one in service.variables.values()]
        for value in (*values, *(service.command or ())):
            found = _TOKEN.search(value.text) if value is not None else None
            if value is not None and found is not None and not _PLACEHOLDER.search(found[0]):
                place = value.part(*found.span()).span
                yield Found(place, f"`{name}` contains a token", "revoke it, and pass a new one by the environment")


@rule("MG625", "open-port", Severity.WARNING)
def open_port(context: ForeignContext) -> Iterator[Found]:
    """An engine's port that is published on every address of the host, without a key.

    ## Why
    Every machine that reaches the host can use the engine. Docker's ports pass by the rules of most firewalls.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        ports: ["8000:8000"]
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
    for lifted in context.lifted:
        service = lifted.server.service
        has_key = any(name in lifted.line.entries for name in _KEYS) or any(
            name in service.variables for name in _KEY_VARIABLES
        )
        # With the host's network, Docker publishes no port.
        on_host = service.network_mode is not None and service.network_mode.text == "host"
        is_closed = has_key or on_host or not service.has_all_variables or not lifted.line.is_whole
        for port in () if is_closed else service.ports:
            if _is_open(port):
                published = port.published.text if port.published else "a port"
                wanted = (
                    f"write `127.0.0.1:{published}:{port.target.text if port.target else ''}`"
                    if context.foreign.kind == "compose"
                    else "write `127.0.0.1:` before the host's port"  # which may be a macro or a variable
                )
                yield Found(
                    port.place,
                    f"`{lifted.name}` is published on all addresses, and asks for no key",
                    f"{wanted}, or give it an API key",
                )


@rule("MG626", "socket-beside-port", Severity.WARNING)
def socket_beside_port(context: ForeignContext) -> Iterator[Found]:
    """The Docker socket in a service that publishes a port.

    ## Why
    With the socket, a program can start a container that owns the host. A fault in what listens on the port is then a
    fault of the host.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: all
      switch:
        image: example/switch:1
        ports: ["127.0.0.1:8080:8080"]
        volumes: [/var/run/docker.sock:/var/run/docker.sock]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: all
      switch:
        image: example/switch:1
        ports: ["127.0.0.1:8080:8080"]
    ```
    """
    for name, service in context.foreign.services.items():
        socket = _socket(service) if service.ports and context.lifted else None
        if socket is not None:
            message = f"`{name}` publishes a port and has the Docker socket: it can own the host"
            yield Found(socket.span, message, "put a proxy before the socket that allows only what is needed")


def _socket(service: Service) -> Value | None:
    sources = (mount.source for mount in service.mounts)
    return next((one for one in sources if one is not None and one.text.endswith(_SOCKET.removeprefix("/var"))), None)


def _is_open(port: Port) -> bool:
    if port.address is not None:
        return port.address.text in ("0.0.0.0", "[::]", "::")  # noqa: S104 - compared, not bound
    return port.published is not None and port.published.is_known
