"""Define what several Compose files say at one place, merged as Compose merges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yaml.nodes import ScalarNode

from modelgen.foreign.yaml_nodes import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml import Node

    from modelgen.foreign.values import Value
    from modelgen.foreign.yaml_nodes import Reader

_RESET, _OVERRIDE = "!reset", "!override"
_REPLACED = ("command", "entrypoint", "test")
"""The sequences that a later file replaces; to others it appends."""


class Layers:
    """The nodes of several files at one place, in their order."""

    def __init__(self, nodes: list[tuple[Reader, Node]]) -> None:
        self.nodes = nodes
        self._entries = [(reader, reader.entries(node)) for reader, node in nodes]

    def at(self, *path: str) -> Layers:
        """Return what stands at a path of keys."""
        key, *rest = path
        below: list[tuple[Reader, Node]] = []
        for reader, entries in self._entries:
            entry = entries.get(key)
            if entry is None:
                continue
            if entry.value.tag in (_RESET, _OVERRIDE) or key in _REPLACED:
                below.clear()
            if entry.value.tag != _RESET:
                below.append((reader, entry.value))
        found = Layers(below) if below else _NOTHING
        return found.at(*rest) if rest and below else found

    def text(self, *path: str) -> Value | None:
        """Return the last scalar at a path."""
        for reader, node in reversed(self.at(*path).nodes):
            if isinstance(node, ScalarNode):
                return reader.value(node)
        return None

    def items(self, *path: str) -> Iterator[tuple[Reader, Node]]:
        """Yield the items of the sequences at a path."""
        for reader, node in self.at(*path).nodes:
            for item in reader.items(node):
                yield reader, item

    def texts(self, *path: str) -> tuple[Value, ...]:
        """Return the scalars in the sequences at a path."""
        found = (reader.value(item) for reader, item in self.items(*path))
        return tuple(value for value in found if value is not None)

    def plain(self, key: str) -> Any:  # noqa: ANN401 - any YAML value
        """Return what stands at a key as plain data: mappings merged, lists joined, else the last; None without one."""
        found: Any = None
        try:
            for reader, node in self.at(key).nodes:
                found = _merged(found, reader.plain(node))
        except (TooLargeError, RecursionError):
            return None
        return found

    def keys(self) -> frozenset[str]:
        """Return all keys."""
        return frozenset(key for _, entries in self._entries for key in entries)


def _merged(first: Any, second: Any) -> Any:  # noqa: ANN401
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: _merged(first.get(key), value) for key, value in second.items()}}
    return [*first, *second] if isinstance(first, list) and isinstance(second, list) else second


_NOTHING = Layers([])
