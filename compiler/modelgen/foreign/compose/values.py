"""Read the values of a Compose service that have several forms: mounts, GPUs, ports, health checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yaml.nodes import ScalarNode, SequenceNode

from modelgen.foreign.services import GpuRequest, HealthCheck, Mount, Port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yaml import Node

    from modelgen.foreign.compose.layers import Layers
    from modelgen.foreign.values import Value
    from modelgen.foreign.yaml_nodes import Entry, Reader

_SHORT_MOUNT = re.compile(r"(?:(?P<source>(?:[A-Za-z]:[/\\])?[^:]+):)?(?P<target>/[^:]*|[^:]+)(?::(?P<mode>[^:]*))?")
_SHORT_PORT = re.compile(
    r"(?:(?:(?P<address>\[[0-9a-fA-F:.]*\]|[^:]*):)?(?P<published>[^:]*):)?(?P<target>[^:/]+)(?:/(?:tcp|udp|sctp))?"
)
_TIMES = ("interval", "timeout", "retries", "start_period", "start_interval")
_ALL = ("all", "-1")
_LISTS = ("capabilities", "device_ids")
_DEVICE_KEYS = (*_LISTS, "count", "driver", "options")
_INT = "tag:yaml.org,2002:int"


def mount_of(text: Value, kind: str = "") -> Mount | None:
    """Read the short form of a mount, such as `./models:/models:ro`; of kind `tmpfs`, `/tmp:size=1g`."""
    found = _SHORT_MOUNT.fullmatch(text.text)
    if found is None:
        return None
    source = text.part(*found.span("source")) if found["source"] else None
    if kind == "tmpfs":
        return Mount(kind, None, text.part(0, text.text.find(":") if ":" in text.text else None), text.span)
    is_path = source is not None and re.match(r"[./~\\$]|[A-Za-z]:[/\\]|\ufffc", source.text) is not None
    return Mount("bind" if is_path else "volume", source, text.part(*found.span("target")), text.span)


def port_of(text: Value) -> Port | None:
    """Read the short form of a port, such as `127.0.0.1:8000:8000`."""
    found = _SHORT_PORT.fullmatch(text.text)
    if found is None:
        return None
    parts: dict[str, Value | None] = {
        name: text.part(*found.span(name)) if found[name] else None for name in ("address", "published", "target")
    }
    return Port(parts["address"], parts["published"], parts["target"], text.span)


def read_mount(reader: Reader, node: Node, kind: str = "") -> Mount | None:
    """Read an item of `volumes` or `tmpfs`."""
    if isinstance(node, ScalarNode):
        text = reader.value(node)
        return mount_of(text, kind) if text else None
    below = reader.entries(node)
    target = reader.value(below["target"].value) if "target" in below else None
    if target is None:
        return None
    named = reader.value(below["type"].value) if "type" in below else None
    source = reader.value(below["source"].value) if "source" in below else None
    return Mount(named.text if named else "volume", source, target, (source or target).span)


def read_gpus(reader: Reader, node: Node, *, is_short: bool = False) -> GpuRequest | None:
    """Read an item of `reservations.devices` or of `gpus`; None for one that reserves no GPU."""
    if isinstance(node, ScalarNode):
        text = reader.value(node)
        place = reader.span(node)
        is_all = text is not None and text.text in _ALL
        if not is_all and not (is_short and text is not None and text.is_known):
            return None
        fault = "" if is_all else "`gpus` is `all` or a list"
        count_at = place if is_all else None
        return GpuRequest(None, is_all=is_all, count_at=count_at, ids=(), ids_at=None, place=place, fault=fault)
    below = reader.entries(node)
    if not below:
        return None
    texts = {key: reader.value(entry.value) for key, entry in below.items()}
    capabilities = (
        [reader.value(item) for item in reader.items(below["capabilities"].value)] if "capabilities" in below else []
    )
    driver = texts.get("driver")
    fault = ("" if is_short else _fault(below)) or _fault_of_values(reader, below)
    if (
        not is_short
        and "capabilities" in below
        and not any(one and one.text in ("gpu", "nvidia", "compute") for one in capabilities)
        and not (driver and driver.text in ("nvidia", "cdi", "amd"))
    ):
        return None
    count = texts.get("count")
    ids = (
        tuple(value for item in reader.items(below["device_ids"].value) if (value := reader.value(item)))
        if "device_ids" in below
        else ()
    )
    is_number = count is not None and count.text.isdecimal()
    has_count = "count" in below
    return GpuRequest(
        number=int(count.text[:6]) if count is not None and is_number else None,
        is_all=(not has_count and not ids) or (count is not None and count.text in _ALL),
        count_at=reader.span(below["count"].value) if has_count else None,
        ids=ids,
        ids_at=reader.span(below["device_ids"].key) if "device_ids" in below else None,
        place=reader.span(next(iter(below.values())).key),
        fault=fault,
    )


def _fault(below: Mapping[str, Entry]) -> str:
    """Return why Compose refuses a reservation (compose-spec.json, `devices`); empty if it does not."""
    if "capabilities" not in below:
        return "it lacks `capabilities`"
    no_list = next((key for key in _LISTS if key in below and not isinstance(below[key].value, SequenceNode)), "")
    if no_list:
        return f"`{no_list}` is no list"
    other = next((key for key in below if key not in _DEVICE_KEYS and not key.startswith("x-")), "")
    return f"it has no key `{other}`" if other else ""


def _fault_of_values(reader: Reader, below: Mapping[str, Entry]) -> str:
    """Return why Compose refuses a value of a reservation or of `gpus`; empty if it does not (Compose 2.40.3)."""
    for key in _LISTS:
        for item in reader.items(below[key].value) if key in below else ():
            if isinstance(item, ScalarNode) and item.tag == _INT and item.value.isdecimal():
                return f'`{item.value}` in `{key}` is a number: write `"{item.value}"`'
    node = below["count"].value if "count" in below else None
    count = reader.value(node) if isinstance(node, ScalarNode) else None
    is_number = count is not None and count.text.removeprefix("-").isdecimal()
    if count is None or not count.is_known or is_number or count.text.lower() == "all":
        return ""
    return f"`count` is `{count.text}`, and must be a number or `all`"


def read_port(reader: Reader, node: Node) -> Port | None:
    """Read an item of `ports`."""
    if isinstance(node, ScalarNode):
        text = reader.value(node)
        return port_of(text) if text else None
    below = reader.entries(node)
    target = reader.value(below["target"].value) if "target" in below else None
    if target is None:
        return None
    address, published = (reader.value(below[key].value) if key in below else None for key in ("host_ip", "published"))
    return Port(address, published, target, (published or target).span)


def read_health(layers: Layers) -> HealthCheck | None:
    """Read a health check; None where there is none."""
    place = next((reader.span(node) for reader, node in layers.nodes), None)
    if place is None:
        return None
    disable = layers.text("disable")
    times = {key: value for key in _TIMES if (value := layers.text(key)) is not None}
    test: tuple[Value, ...] = ()
    is_shell = False
    for reader, node in layers.at("test").nodes:
        place = reader.span(node)
        if isinstance(node, SequenceNode):
            test = tuple(value for item in reader.items(node) if (value := reader.value(item)) is not None)
        else:
            text = reader.value(node)
            test, is_shell = (() if text is None else (text,)), True
    is_disabled = (disable is not None and disable.text.lower() == "true") or [one.text for one in test] == ["NONE"]
    if test and not is_shell and test[0].text in ("CMD", "CMD-SHELL"):
        is_shell, test = test[0].text == "CMD-SHELL", test[1:]
    return HealthCheck(test, is_shell, is_disabled, times, place)
