"""Read Compose files: several are merged, in their order, as Compose merges the keys that are read here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.files import MAX_SOURCE_BYTES
from modelgen.foreign.compose_layers import Layers
from modelgen.foreign.compose_service import read_service
from modelgen.foreign.services import Foreign, Unread
from modelgen.foreign.yaml_nodes import BadYamlError, Reader, TooLargeError, compose_nodes
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yaml import Node

    from modelgen.foreign.services import Service
    from modelgen.foreign.values import Value

_TEMPLATE = re.compile(r"\{%-? |\{\{-? ?[.$a-zA-Z]")
_DEEPEST_EXTENDS = 20


def read_compose(
    files: Iterable[tuple[str, bytes]],
    variables: Mapping[str, str] | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Foreign:
    """Read Compose files; it raises on no input.

    Args:
        files: The name of each file in messages, and its bytes; later ones change what earlier ones say.
        variables: The values of variables, as from a `.env` file.
        beside: Files that the services name, by the name that is written: those of `env_file`.
    """
    readers: list[tuple[Reader, Node | None]] = []
    sources: list[Source] = []
    for path, data in files:
        sources.append(Source(path, ""))
        try:
            sources[-1] = source = Source(path, decode(data))
            readers.append((Reader(source, variables or {}), compose_nodes(source.text)))
        except UnicodeDecodeError:
            return _refused(sources, "it is not text in UTF-8")
        except BadYamlError as error:
            if _TEMPLATE.search(sources[-1].text):
                return _refused(sources, _TEMPLATED, error.line, error.column)
            return _refused(sources, f"it is not YAML: {error}", error.line, error.column)
    try:
        return _read(sources, readers, beside or {})
    except (TooLargeError, RecursionError):
        return _refused(sources, "it refers to far more values than a file of services has")


_TEMPLATED = "it is a template: render it, and check the result"
_NO_SERVICES = "it is no Compose file with `services`, and no llama-swap config, recipe or shell script either"


def decode(data: bytes) -> str:
    """Return the text of a file, with the lines that editors show."""
    if len(data) > MAX_SOURCE_BYTES:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "too large")
    # YAML ends lines at these, editors do not: with spaces instead, the lines are those that the user sees.
    text = re.sub("[\x85\u2028\u2029]", " ", data.decode("utf-8-sig"))
    return re.sub("\r(?!\n)", "\n", text)


def _refused(sources: list[Source], reason: str, line: int = 1, column: int = 1) -> Foreign:
    place = Span(sources[-1].path, line, column, line, column + 1)
    return Foreign("compose", tuple(sources), unread=(Unread(place, reason, is_error=True),))


def _read(sources: list[Source], readers: list[tuple[Reader, Node | None]], beside: Mapping[str, bytes]) -> Foreign:
    layers: dict[str, list[tuple[Reader, Node]]] = {}
    names: dict[str, Value] = {}
    unread: list[Unread] = []
    for reader, root in readers:
        top = reader.entries(root)
        for name, entry in reader.entries(top["services"].value if "services" in top else None).items():
            layers.setdefault(name, []).append((reader, entry.value))
            names.setdefault(name, reader.key(entry.key))
        if "include" in top:
            unread.append(Unread(reader.span(top["include"].key), "the files that it includes are not read"))
    if not layers:
        is_template = any(_TEMPLATE.search(source.text) for source in sources)
        return _refused(sources, _TEMPLATED if is_template else _NO_SERVICES)
    services: dict[str, Service] = {}
    wanted: dict[str, None] = {}
    for name, own in layers.items():
        found, reasons = _extended(name, own, layers)
        services[name] = read_service(names[name], Layers(found), beside, wanted, reasons)
    missing = {name: value for reader, _ in readers for name, value in reader.missing.items()}
    unread += [
        Unread(place, "Compose refuses the variable in it: write `$$` for a dollar sign", is_error=True)
        for reader, _ in readers
        for place in reader.invalid
    ]
    return Foreign("compose", tuple(sources), services, tuple(unread), missing, tuple(wanted))


def _extended(
    name: str, own: list[tuple[Reader, Node]], layers: Mapping[str, list[tuple[Reader, Node]]]
) -> tuple[list[tuple[Reader, Node]], list[Unread]]:
    """Return the layers of a service with those of the services that it extends below, and what could not be read."""
    found, reasons, seen = own, [], {name}
    for _ in range(_DEEPEST_EXTENDS):
        reader, node = found[0]
        entry = reader.entries(node).get("extends")
        if entry is None:
            break
        written = reader.entries(entry.value)
        other = reader.value(written["service"].value) if "service" in written else reader.value(entry.value)
        if "file" in written or other is None or other.text not in layers or other.text in seen:
            reasons.append(Unread(reader.span(entry.key), "the service that it extends is in a file that is not read"))
            break
        seen.add(other.text)
        found = [*layers[other.text], *found]
    return found, reasons
