"""Read the configuration of llama-swap (its config-schema.json): each model's `cmd` is a service."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from yaml.nodes import ScalarNode

from modelgen.foreign.compose_files import Files
from modelgen.foreign.compose_layers import Layers
from modelgen.foreign.followed import Follower
from modelgen.foreign.interpolation import Piece
from modelgen.foreign.services import Foreign, Unread
from modelgen.foreign.shell import read_command
from modelgen.foreign.shell_words import commands
from modelgen.foreign.values import UNKNOWN, Value
from modelgen.foreign.yaml_places import Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yaml import Node

    from modelgen.foreign.services import Service
    from modelgen.foreign.yaml_nodes import Reader

_MACRO = re.compile(r"\$\{(?P<name>[^}\n]+)\}")
_PORT = "5800"
_DEEPEST = 10


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
    written = Layers([(reader, root)] if root is not None else []).plain
    macros = _macros(reader, top["macros"].value if "macros" in top else None)
    services: dict[str, Service] = {}
    unread: list[Unread] = []
    for name, entry in reader.entries(top["models"].value).items():
        keys = reader.entries(entry.value)
        if "cmd" not in keys or not isinstance(keys["cmd"].value, ScalarNode):
            unread.append(Unread(reader.span(entry.key), "it has no `cmd`"))
            continue
        own = _macros(reader, keys["macros"].value if "macros" in keys else None)
        known = {"PORT": _PORT, "MODEL_ID": name, **macros, **own}
        found = commands(_replaced(reader, keys["cmd"].value, known), {}, is_one_line=True)
        if not found:
            unread.append(Unread(reader.span(keys["cmd"].value), "its `cmd` is empty"))
            continue
        variables = dict(found[-1].variables)
        for item in reader.items(keys["env"].value if "env" in keys else None):
            text = _replaced(reader, item, known) if isinstance(item, ScalarNode) else None
            if text is not None and "=" in text.text:
                key, _, _ = text.text.partition("=")
                variables[key] = text.part(len(key) + 1)
        title, words = reader.key(entry.key), found[-1].words
        settings = Layers([(reader, entry.value)])
        services[name] = replace(
            Follower(title, variables, files).follow(words) or read_command(title, words, variables),
            name=title,
            settings={key: _filled(settings.plain(key), known) for key in settings.keys()},  # noqa: SIM118 - no mapping
        )
    return Foreign(
        kind="llama-swap",
        sources=(reader.source, *files.sources.values()),
        services=services,
        unread=(*unread, *files.unread),
        wanted=tuple(files.wanted),
        keys=frozenset(top),
        written=written,
    )


def _filled(value: Any, macros: Mapping[str, str]) -> Any:  # noqa: ANN401 - any YAML value
    """Return plain data with the macros in its texts replaced."""
    if isinstance(value, dict):
        return {key: _filled(one, macros) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, macros) for one in value]
    return _MACRO.sub(lambda found: _value(found["name"], macros, 0), value) if isinstance(value, str) else value


def _macros(reader: Reader, node: Node | None) -> dict[str, str]:
    entries = reader.entries(node)
    return {name: entry.value.value for name, entry in entries.items() if isinstance(entry.value, ScalarNode)}


def _replaced(reader: Reader, node: ScalarNode, macros: Mapping[str, str]) -> Value:
    """Return a scalar with its macros replaced; a macro may contain others."""
    text, pieces, at = node.value, [], 0
    for found in _MACRO.finditer(text):
        pieces.append(Piece(text[at : found.start()], at, found.start(), is_literal=True))
        pieces.append(Piece(_value(found["name"], macros, 0), found.start(), found.end(), is_literal=False))
        at = found.end()
    if not pieces:
        return Value(text, Scalar(reader.source, node, None))
    pieces.append(Piece(text[at:], at, len(text), is_literal=True))
    return Value("".join(piece.text for piece in pieces), Scalar(reader.source, node, pieces))


def _value(name: str, macros: Mapping[str, str], depth: int) -> str:
    value = macros.get(name)
    if value is None or depth > _DEEPEST:
        return UNKNOWN
    return _MACRO.sub(lambda found: _value(found["name"], macros, depth + 1), value)[:100_000]
