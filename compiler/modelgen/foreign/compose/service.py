"""Read one service of Compose files from its layers: what it extends, and what each file says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yaml.nodes import ScalarNode, SequenceNode

from modelgen.foreign.compose.env_file import read_env_file
from modelgen.foreign.compose.files import beside_name
from modelgen.foreign.compose.values import read_gpus, read_health, read_mount, read_port
from modelgen.foreign.compose.words import split
from modelgen.foreign.services import Dependency, Service, Unread, Variable
from modelgen.foreign.yaml_nodes import is_null

if TYPE_CHECKING:
    from modelgen.foreign.compose.files import Files
    from modelgen.foreign.compose.layers import Layers
    from modelgen.foreign.services import GpuRequest, Mount, Port
    from modelgen.foreign.values import Value
    from modelgen.source import Span


def read_service(name: Value, layers: Layers, unread: list[Unread], files: Files) -> Service:
    """Read a service.

    Args:
        name: Its name.
        layers: What the files say of it.
        unread: What could not be read; gets the rest of it.
        files: The files that lie beside, for those of `env_file`.
    """
    variables, has_all = _variables(layers, files)
    dropped: list[Span] = []
    command = _words(layers, "command", unread, dropped)
    entrypoint = _words(layers, "entrypoint", unread, dropped)
    return Service(
        name=name,
        image=layers.text("image"),
        is_built=bool(layers.at("build").nodes),
        entrypoint=entrypoint,
        command=command,
        variables=variables,
        has_all_variables=has_all and not unread,
        mounts=_mounts(layers),
        gpus=_gpus(layers),
        devices=layers.texts("devices"),
        runtime=layers.text("runtime"),
        network_mode=layers.text("network_mode"),
        networks=(*layers.texts("networks"), *_keys(layers.at("networks"))),
        ports=_ports(layers),
        health=read_health(layers.at("healthcheck")),
        restart=layers.text("restart"),
        shm_size=layers.text("shm_size"),
        ipc=layers.text("ipc"),
        depends_on=_dependencies(layers.at("depends_on")),
        replicas=layers.text("deploy", "replicas") or layers.text("scale"),
        is_privileged=_is_true(layers.text("privileged")),
        user=layers.text("user"),
        profiles=layers.texts("profiles"),
        labels=_pairs(layers.at("labels")),
        keys=layers.keys(),
        written=layers.plain,
        dropped=tuple(dropped),
        unread=tuple(unread),
    )


def _is_true(value: Value | None) -> bool:
    return value is not None and value.text.lower() == "true"


def _words(layers: Layers, key: str, unread: list[Unread], dropped: list[Span]) -> tuple[Value, ...] | None:
    """Return the words of a command; None where it is not written, or null."""
    found = layers.at(key).nodes
    if not found or is_null(found[-1][1]):
        return None
    reader, node = found[-1]
    if isinstance(node, SequenceNode):
        values = [reader.value(item) for item in reader.items(node)]
        if None in values:
            unread.append(Unread(reader.span(node), f"an item of its `{key}` is not text"))
            return ()
        return tuple(value for value in values if value is not None)
    value = reader.value(node)
    if value is None:
        if not isinstance(node, ScalarNode):  # of a scalar with a variable that is refused, the reader reports it
            unread.append(Unread(reader.span(node), f"its `{key}` is no text and no list"))
        return ()
    words = split(value)
    if words.fault:
        unread.append(Unread(value.span, f"Compose refuses its `{key}`: {words.fault}", is_error=True))
    elif words.dropped >= 0:
        dropped.append(value.part(words.dropped, words.dropped + 1).span)
    return words.words


def _variables(layers: Layers, files: Files) -> tuple[dict[str, Variable], bool]:
    """Return the variables, and whether all are known."""
    found: dict[str, Variable] = {}
    has_all = True
    for reader, node in layers.at("env_file").nodes:
        for item in (node, *reader.items(node)):
            name = reader.value(reader.entries(item)["path"].value if "path" in reader.entries(item) else item)
            if name is None:
                continue
            key = beside_name(reader.folder, name.text)
            data = files.data(key)
            found |= {} if data is None else read_env_file(files.path(key), data)
            has_all = has_all and data is not None
    return found | _pairs(layers.at("environment")), has_all


def _pairs(layers: Layers) -> dict[str, Variable]:
    """Return the pairs of a mapping, or of a list of `NAME=value`."""
    found: dict[str, Variable] = {}
    for reader, node in layers.nodes:
        for name, entry in reader.entries(node).items():
            found[name] = Variable(reader.key(entry.key), reader.value(entry.value))
        for item in reader.items(node):
            text = reader.value(item)
            if text is not None:
                name, sign, _ = text.text.partition("=")
                found[name] = Variable(text.part(0, len(name)), text.part(len(name) + 1) if sign else None)
    return found


def _keys(layers: Layers) -> tuple[Value, ...]:
    return tuple(reader.key(entry.key) for reader, node in layers.nodes for entry in reader.entries(node).values())


def _mounts(layers: Layers) -> tuple[Mount, ...]:
    """Return the mounts; a later one replaces an earlier one of the same target."""
    found: dict[str, Mount] = {}
    for reader, item in layers.items("volumes"):
        mount = read_mount(reader, item)
        if mount is not None:
            found[mount.target.text.rstrip("/") or "/"] = mount
    for reader, item in layers.items("tmpfs"):
        mount = read_mount(reader, item, kind="tmpfs")
        if mount is not None:
            found[mount.target.text] = mount
    return tuple(found.values())


def _gpus(layers: Layers) -> tuple[GpuRequest, ...]:
    found = [read_gpus(reader, item) for reader, item in layers.items("deploy", "resources", "reservations", "devices")]
    found += [read_gpus(reader, item, is_short=True) for reader, item in layers.items("gpus")]
    for reader, node in layers.at("gpus").nodes:
        found += [read_gpus(reader, node, is_short=True)] if isinstance(node, ScalarNode) else []
    return tuple(request for request in found if request is not None)


def _ports(layers: Layers) -> tuple[Port, ...]:
    found = (read_port(reader, item) for reader, item in layers.items("ports"))
    return tuple(port for port in found if port is not None)


def _dependencies(layers: Layers) -> tuple[Dependency, ...]:
    found: dict[str, Dependency] = {}
    for reader, node in layers.nodes:
        for item in reader.items(node):
            if name := reader.value(item):
                found[name.text] = Dependency(name, None)
        for key, entry in reader.entries(node).items():
            below = reader.entries(entry.value)
            condition = reader.value(below["condition"].value) if "condition" in below else None
            found[key] = Dependency(reader.key(entry.key), condition)
    return tuple(found.values())
