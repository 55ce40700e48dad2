"""Read Compose files: several are merged, in their order, as Compose merges the keys that are read here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.foreign.compose.files import Files, Opened, decode
from modelgen.foreign.compose.layers import Layers
from modelgen.foreign.compose.service import read_service
from modelgen.foreign.services import Foreign, Unread
from modelgen.foreign.yaml_nodes import MOST_SERVICES, TOO_LARGE, BadYamlError, Reader, TooLargeError, compose_documents
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yaml import Node

    from modelgen.foreign.values import Value

_TEMPLATE = re.compile(r"\{%-? |\{\{-? ?[.$a-zA-Z]")
_SERVICES = re.compile(r"""^["']?services["']?\s*:""", re.MULTILINE)
_DEEPEST_EXTENDS = 20


def read_compose(
    files: Sequence[tuple[str, bytes]],
    variables: Mapping[str, str] | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Foreign:
    """Read Compose files; it raises on no input.

    Args:
        files: The name of each file in messages, and its bytes; later ones change what earlier ones say.
        variables: The values of variables, as from a `.env` file.
        beside: Files that belong to them, by the names that `Foreign.wanted` had.
    """
    return read_project(files, variables or {}, Files(files[0][0], beside or {}))


def read_project(
    texts: Iterable[tuple[str, bytes]], variables: Mapping[str, str], files: Files, folder: str = ""
) -> Foreign:
    """Read the Compose files of one project.

    Args:
        texts: The path of each file in messages, and its bytes.
        variables: The values of variables.
        files: The files that lie beside; gets those that belong to the project.
        folder: The project's folder, relative to that of the first file.
    """
    opened: list[Opened] = []
    sources: list[Source] = []
    for path, data in texts:
        sources.append(Source(path, ""))
        try:
            sources[-1] = source = Source(path, decode(data))
            reader = Reader(source, variables, folder)
            # Compose merges the documents of a file as it merges files (compose-go, loader.go).
            roots: list[Node | None] = [*compose_documents(source.text)]
            opened += [files.put(Opened(reader, root)) for root in roots or [None]]
        except UnicodeDecodeError:
            return refused(sources, "it is not text in UTF-8")
        except BadYamlError as error:
            if _TEMPLATE.search(sources[-1].text):
                return refused(sources, _TEMPLATED, error.line, error.column)
            what = "" if _SERVICES.search(sources[-1].text) else f"; {_UNDERSTOOD}"
            return refused(sources, f"it is not YAML: {error}{what}", error.line, error.column)
        except TooLargeError:
            return refused(sources, TOO_LARGE)
    try:
        return _read(sources, opened, variables, files)
    except (TooLargeError, RecursionError):
        return refused(sources, TOO_LARGE)


_TEMPLATED = "it is a template: render it, and check the result"
_UNDERSTOOD = "understood are Compose files, shell scripts, systemd units, llama-swap configs and vLLM's recipes"
_NO_SERVICES = "it is no Compose file with `services`, and no llama-swap config, recipe or shell script either"


def refused(sources: list[Source], reason: str, line: int = 1, column: int = 1) -> Foreign:
    """Return what remains of files that cannot be read: the reason, in the last of them."""
    place = Span(sources[-1].path, line, column, line, column + 1)
    return Foreign("compose", tuple(sources), unread=(Unread(place, reason, is_error=True),))


def _read(sources: list[Source], passed: list[Opened], variables: Mapping[str, str], files: Files) -> Foreign:
    opened = [*files.included(passed, variables), *passed]
    layers: dict[str, list[tuple[Reader, Node]]] = {}
    names: dict[str, Value] = {}
    for file in opened:
        for name, node in file.services():
            layers.setdefault(name.text, []).append((file.reader, node))
            names.setdefault(name.text, name)
    if len(layers) > MOST_SERVICES:
        raise TooLargeError
    if not layers and not files.wanted:
        is_template = any(_TEMPLATE.search(source.text) for source in sources)
        return refused(sources, _TEMPLATED if is_template else _NO_SERVICES)
    services = {
        name: read_service(names[name], *_extended(own, layers, files, variables), files)
        for name, own in layers.items()
    }
    unread = [
        Unread(place, "Compose refuses the variable in it: write `$$` for a dollar sign", is_error=True)
        for reader in files.readers
        for place in reader.invalid
    ]
    missing = {name: value for reader in files.readers for name, value in reader.missing.items()}
    whole = Layers([(file.reader, file.root) for file in passed if file.root is not None])
    return Foreign(
        kind="compose",
        sources=tuple(files.sources.values()),
        services=services,
        unread=(*files.unread, *unread),
        missing=missing,
        wanted=tuple(files.wanted),
        keys=whole.keys(),
        written=whole.plain,
    )


def _extended(
    own: list[tuple[Reader, Node]],
    siblings: Mapping[str, list[tuple[Reader, Node]]],
    files: Files,
    variables: Mapping[str, str],
) -> tuple[Layers, list[Unread]]:
    """Return a service's layers above those of the services that it extends, and what could not be read."""
    found, reasons, seen = own, [], {id(own[0][1])}
    for _ in range(_DEEPEST_EXTENDS):
        reader, node = found[0]
        entry = reader.entries(node).get("extends")
        if entry is None:
            break
        written = reader.entries(entry.value)
        other = reader.value(written["service"].value) if "service" in written else reader.value(entry.value)
        file = reader.value(written["file"].value) if "file" in written else None
        if file is not None:
            opened = files.find(reader, file, variables)
            siblings = {name.text: [(opened.reader, below)] for name, below in opened.services()} if opened else {}
        extended = siblings.get(other.text) if other is not None else None
        if extended is None or id(extended[0][1]) in seen:
            reasons.append(Unread(reader.span(entry.key), "the service that it extends is not read"))
            break
        seen.add(id(extended[0][1]))
        found = [*extended, *found]
    return Layers(found), reasons
