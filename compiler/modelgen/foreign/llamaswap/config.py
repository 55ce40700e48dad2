"""Read the configuration of llama-swap (its config-schema.json): each model's `cmd` is a service."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from yaml.nodes import ScalarNode

from modelgen.foreign.compose.files import Files
from modelgen.foreign.compose.layers import Layers
from modelgen.foreign.interpolation import Piece
from modelgen.foreign.llamaswap.followed import Follower
from modelgen.foreign.services import Foreign, Unread
from modelgen.foreign.shell.script import read_command
from modelgen.foreign.shell.words import commands
from modelgen.foreign.values import UNKNOWN, Value
from modelgen.foreign.yaml_nodes import MOST_SERVICES, TooLargeError
from modelgen.foreign.yaml_places import Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yaml import Node

    from modelgen.foreign.services import Service
    from modelgen.foreign.yaml_nodes import Entry, Reader

_MACRO = re.compile(r"\$\{(?P<name>[^}\n]+)\}")
_PORT = "5800"
_LONGEST = 100_000
"""The longest value of a macro, and of all macros in one text."""


def has_models(reader: Reader, root: Node | None) -> bool:
    """Return whether a file has models that a `cmd` starts."""
    top = reader.entries(root)
    models = reader.entries(top["models"].value) if "models" in top else {}
    return any("cmd" in reader.entries(entry.value) for entry in models.values())


def read_llamaswap(reader: Reader, root: Node | None, beside: Mapping[str, bytes]) -> Foreign:
    """Read the models. `${PORT}` is the first port; a macro is replaced, `${env.NAME}` is not known.

    Args:
        reader: The file.
        root: Its root node.
        beside: Scripts and Compose files that a `cmd` starts, by the names that `Foreign.wanted` had.
    """
    files = Files(reader.source.path, beside)
    top = reader.entries(root)
    whole = Layers([(reader, root)] if root is not None else [])
    shared = _written(reader, top)
    services: dict[str, Service] = {}
    unread: list[Unread] = []
    models = reader.entries(top["models"].value)
    if len(models) > MOST_SERVICES:
        raise TooLargeError
    for name, entry in models.items():
        keys = reader.entries(entry.value)
        if "cmd" not in keys or not isinstance(keys["cmd"].value, ScalarNode):
            unread.append(Unread(reader.span(entry.key), "it has no `cmd`"))
            continue
        macros = _Macros({"PORT": _PORT, "MODEL_ID": name, **shared, **_written(reader, keys)})
        found = commands(macros.replaced(reader, keys["cmd"].value), {}, is_one_line=True)
        if not found:
            unread.append(Unread(reader.span(keys["cmd"].value), "its `cmd` is empty"))
            continue
        variables = dict(found[-1].variables)
        for item in reader.items(keys["env"].value if "env" in keys else None):
            text = macros.replaced(reader, item) if isinstance(item, ScalarNode) else None
            if text is not None and "=" in text.text:
                key, _, _ = text.text.partition("=")
                variables[key] = text.part(len(key) + 1)
        title, words = reader.key(entry.key), found[-1].words
        settings = Layers([(reader, entry.value)])
        services[name] = replace(
            Follower(title, variables, files).follow(words) or read_command(title, words, variables),
            name=title,
            settings={key: macros.filled(settings.plain(key)) for key in settings.keys()},  # noqa: SIM118 - no mapping
        )
    return Foreign(
        kind="llama-swap",
        sources=(reader.source, *files.sources.values()),
        services=services,
        unread=(*unread, *files.unread),
        wanted=tuple(files.wanted),
        keys=frozenset(top),
        written=whole.plain,
    )


class _Macros:
    """The macros of a model: a macro may contain others, and each is replaced once.

    Args:
        written: The macros by name, as written.
    """

    def __init__(self, written: Mapping[str, str]) -> None:
        self._written = written
        self._values: dict[str, str] = {}

    def value(self, name: str) -> str:
        """Return the value of a macro; unknown for one that is not there, contains itself, or is excessively long."""
        if name not in self._values:
            self._values[name] = UNKNOWN  # what contains itself
            written = self._written.get(name)
            if written is not None:
                self._values[name] = _bounded(_MACRO.sub(lambda found: self.value(found["name"]), written))
        return self._values[name]

    def filled(self, value: Any) -> Any:  # noqa: ANN401 - any YAML value
        """Return plain data with the macros in its texts replaced."""
        if isinstance(value, dict):
            return {self.filled(key): self.filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        return _MACRO.sub(lambda found: self.value(found["name"]), value) if isinstance(value, str) else value

    def replaced(self, reader: Reader, node: ScalarNode) -> Value:
        """Return a scalar with its macros replaced."""
        text, pieces, at, room = node.value, [], 0, _LONGEST
        for found in _MACRO.finditer(text):
            value = self.value(found["name"])
            room -= len(value)
            pieces.append(Piece(text[at : found.start()], at, found.start(), is_literal=True))
            pieces.append(Piece(value if room > 0 else UNKNOWN, found.start(), found.end(), is_literal=False))
            at = found.end()
        if not pieces:
            return Value(text, Scalar(reader.source, node, None))
        pieces.append(Piece(text[at:], at, len(text), is_literal=True))
        return Value("".join(piece.text for piece in pieces), Scalar(reader.source, node, pieces))


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else UNKNOWN


def _written(reader: Reader, entries: Mapping[str, Entry]) -> dict[str, str]:
    """Return the macros in a file or a model."""
    macros = reader.entries(entries["macros"].value) if "macros" in entries else {}
    return {name: entry.value.value for name, entry in macros.items() if isinstance(entry.value, ScalarNode)}
