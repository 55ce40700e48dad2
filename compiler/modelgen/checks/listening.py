"""Check the host addresses that the deployment listens on."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.host.addresses import DEFAULT_LISTEN, is_loopback, overlap, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.ir import Address
    from modelgen.load.locator import Path


@rule("MG430", "bad-address")
def bad_address(context: Context) -> Iterator[Found]:
    """A `publish` or `listen` that is not an IP address with a port.

    ## Why
    A port without an address is published on every address of the host, bypassing its firewall, and engines require no
    key. 172 of 229 public files do that.

    ## Bad
    ```toml
    [models.qwen]
    publish = "8001"
    ```

    ## Good
    ```toml
    [models.qwen]
    publish = "127.0.0.1:8001"
    ```
    """
    for path, text, address, _ in _addresses(context):
        if address is None:
            key, port = path[-1], text.rsplit(":", 1)[-1]
            is_port = parse_address(f"127.0.0.1:{port}") is not None
            default = DEFAULT_LISTEN if key == "listen" else f"127.0.0.1:{_free_port(context)}"
            example = f"127.0.0.1:{port}" if is_port else default
            yield Found(
                context.document.at_value(*path),
                f"`{text}` is not an IP address with a port",
                f'write `{key} = "{example}"`, which only this host can reach',
            )


@rule("MG431", "port-collision")
def port_collision(context: Context) -> Iterator[Found]:
    """Two services that listen on the same address.

    ## Why
    The second container would not start: "port is already allocated".

    ## Bad
    ```toml
    [models.qwen]
    publish = "127.0.0.1:8080"

    [orchestrator]
    listen = "127.0.0.1:8080"
    ```

    ## Good
    ```toml
    [models.qwen]
    publish = "127.0.0.1:8001"

    [orchestrator]
    listen = "127.0.0.1:8080"
    ```
    """
    taken: dict[int, list[tuple[Path, Address, str]]] = {}
    for path, text, address, name in _addresses(context):
        if address is None or (path[0] == "orchestrator" and not _has_orchestrator(context)):
            continue
        for other_path, other, other_name in taken.setdefault(address.port, []):
            if overlap(address, other):
                place, key = max((context.document.at_value(*place), place[-1]) for place in (path, other_path))
                help_text = f'write `{key} = "127.0.0.1:{_free_port(context)}"`, or another free port'
                yield Found(place, f"{other_name} and {name} both listen on {text}", help_text)
                break
        taken[address.port].append((path, address, name))


@rule("MG432", "open-publish", Severity.WARNING)
@as_one(
    "can be reached by other hosts, and engines require no key",
    "write `127.0.0.1` in place of the address in `publish`",
)
def open_publish(context: Context) -> Iterator[tuple[str, Found]]:
    """A `publish` on an address that other hosts can reach.

    ## Why
    Engines require no key on most routes. The orchestrator does: publish it instead.

    ## Bad
    ```toml
    [models.qwen]
    publish = "0.0.0.0:8001"
    ```

    ## Good
    ```toml
    [models.qwen]
    publish = "127.0.0.1:8001"
    ```
    """
    for name, model in context.models.items():
        address = parse_address(model.publish or "")
        if address and not is_loopback(address):
            yield (
                name,
                Found(
                    context.at_origin(name, "publish"),
                    f"other hosts can reach {model.publish}, and engines require no key",
                    f'write `publish = "127.0.0.1:{address.port}"`',
                ),
            )


@rule("MG433", "open-listen")
def open_listen(context: Context) -> Iterator[Found]:
    """A `listen` on an address that other hosts can reach, without keys.

    ## Why
    Any client that reaches the orchestrator can start and stop models. The rule checks the written address, since the
    orchestrator listens on every address inside its container.

    ## Bad
    ```toml
    [orchestrator]
    listen = "0.0.0.0:8080"
    ```

    ## Good
    ```toml
    [orchestrator]
    listen = "0.0.0.0:8080"
    keys_file = "./keys/keys.txt"
    ```
    """
    table = context.document.config.orchestrator
    for path, text, address, _ in _addresses(context):
        if path[0] != "orchestrator" or address is None or is_loopback(address):
            continue
        if table is None or not _has_orchestrator(context):
            continue
        refused = context.document.is_refused("orchestrator", "keys_file")
        if not (table.keys_file or table.insecure or refused):
            yield Found(
                context.document.at_value(*path),
                f"other hosts can reach {text}, and the orchestrator has no keys",
                'add `keys_file = "./keys/keys.txt"`, or `insecure = true` if the network itself restricts access',
            )


@rule("MG434", "shared-keys-folder")
def shared_keys_folder(context: Context) -> Iterator[Found]:
    """A `keys_file` in a folder with other files.

    ## Why
    The folder of the keys file is mounted into the orchestrator's container. A file that is mounted alone keeps its old
    contents when an editor replaces it, so a removed key would still work. Everything else in that folder is readable
    in the container: keep the keys in a folder of their own, not in the folder of models.toml or above it.

    ## Bad
    ```toml
    [orchestrator]
    listen = "0.0.0.0:8080"
    keys_file = "./keys.txt"
    ```

    ## Good
    ```toml
    [orchestrator]
    listen = "0.0.0.0:8080"
    keys_file = "./keys/keys.txt"
    ```
    """
    table = context.document.config.orchestrator
    if table is None or not table.keys_file or table.enabled is False or "compose" not in context.targets:
        return
    folder = posixpath.dirname(posixpath.normpath(table.keys_file.replace("\\", "/")))
    if folder.strip("./") == "" or folder == "~":
        yield Found(
            context.document.at_value("orchestrator", "keys_file"),
            "the folder of this file is mounted into the orchestrator's container, with all other files in it",
            'write `keys_file = "./keys/keys.txt"`, and move the keys there: they need a folder of their own',
        )


def _free_port(context: Context) -> int:
    """Return a port on the host that nothing in the file uses."""
    taken = {address.port for _, _, address, _ in _addresses(context) if address is not None}
    return next(port for port in range(8001, 2**16) if port not in taken)


def _has_orchestrator(context: Context) -> bool:
    table = context.document.config.orchestrator
    return table is None or table.enabled is not False


def _addresses(context: Context) -> Iterator[tuple[Path, str, Address | None, str]]:
    """Yield each address on the host: its path, the text, the parsed address, and the service."""
    document = context.document
    orchestrator = document.config.orchestrator
    text = (orchestrator and orchestrator.listen) or DEFAULT_LISTEN
    yield ("orchestrator", "listen"), text, parse_address(text), "the orchestrator"
    for name, model in context.models.items():
        if model.publish is not None:
            yield document.origin(name, "publish"), model.publish, parse_address(model.publish), f"`{name}`"
