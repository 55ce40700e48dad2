"""Find where in the text each key and value of a TOML document is written.

tree-sitter gives the places; tomllib decides what the text means. The locator runs only when a finding needs a place,
so a clean build does not import tree-sitter.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from modelgen.source import Span

if TYPE_CHECKING:
    from tree_sitter import Node

    from modelgen.source import Source

Path = tuple[str | int, ...]

# Maximum parts of a dotted key. A longer one is refused for its depth, and its paths would fill the memory.
_LONGEST = 100


class Locator:
    """The places of one document, by path: `("models", "qwen", "args", "max-model-len")`, list items by index.

    A path that is not written gives the place of the nearest table around it. So does a construct that tomllib accepts
    and tree-sitter does not parse (TOML 1.1 in newer Pythons).
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._keys: dict[Path, Span] = {}
        self._values: dict[Path, Span] = {}
        self._headers: dict[Path, Span] = {}
        self._items: dict[Path, int] = {}
        self._blocks: list[tuple[Path, int, int]] = []
        self._lines: list[bytes] = []
        self._read()

    def holds(self, path: Path) -> bool:
        """Return whether a value or a table is written at `path`, and not only tables below it."""
        return path in self._values or path in self._headers

    def key(self, path: Path) -> Span:
        """Return where the key itself is written."""
        return self._keys.get(path) or self.header(path)

    def value(self, path: Path) -> Span:
        """Return where the value is written; for a table, its header."""
        return self._values.get(path) or self.header(path)

    def header(self, path: Path) -> Span:
        """Return the header of the table at `path` or of the nearest one around it."""
        for length in range(len(path), 0, -1):
            if found := self._headers.get(path[:length]) or self._keys.get(path[:length]):
                return found
        return self._source.start

    @property
    def blocks(self) -> list[tuple[Path, int, int]]:
        """The tables with a header, and the pairs above the first one: path, first and last line without comments."""
        return self._blocks

    def _read(self) -> None:
        from tree_sitter import Language, Parser
        from tree_sitter_toml import language

        data = self._source.text.encode()
        self._lines = data.split(b"\n")
        tree = Parser(Language(language())).parse(data)
        for node in tree.root_node.named_children:
            if node.type == "pair":
                self._read_pair(node, ())
                self._blocks.append(((), node.start_point.row + 1, node.end_point.row + 1))
            elif node.type in ("table", "table_array_element"):
                self._read_table(node)

    def _read_table(self, node: Node) -> None:
        parts = _key_parts(node.named_children[0])
        path: Path = ()
        for number, (name, part) in enumerate(parts, 1):
            path = (*path, name)
            if number == len(parts) and node.type == "table_array_element":
                self._items[path] = self._items.get(path, -1) + 1
            self._keys.setdefault(path, self._span(part))
            if path in self._items:
                path = (*path, self._items[path])
        brackets = [child for child in node.children if child.type in ("]", "]]")]
        self._headers[path] = self._span(node, brackets[0] if brackets else node)
        pairs = [child for child in node.named_children if child.type == "pair"]
        for child in pairs:
            self._read_pair(child, path)
        last = pairs[-1] if pairs else brackets[0] if brackets else node
        self._blocks.append((path, node.start_point.row + 1, last.end_point.row + 1))

    def _read_pair(self, node: Node, table: Path) -> None:
        """Read a pair and everything below it, with a stack instead of recursion, since the text is untrusted."""
        stack: list[tuple[Node, Path]] = [(node, table)]
        while stack:
            node, path = stack.pop()
            children = [child for child in node.named_children if child.type != "comment"]
            if node.type == "pair" and len(children) == 2:
                for name, part in _key_parts(children[0]):
                    path = (*path, name)
                    self._keys.setdefault(path, self._span(part))
                stack.append((children[1], path))
                continue
            self._values[path] = self._span(node)
            if node.type == "array":
                stack.extend((child, (*path, number)) for number, child in enumerate(children))
            elif node.type == "inline_table":
                stack.extend((child, path) for child in children if child.type == "pair")

    def _span(self, first: Node, last: Node | None = None) -> Span:
        start, end = first.start_point, (last or first).end_point
        return Span(self._source.path, start.row + 1, self._column(*start), end.row + 1, self._column(*end))

    def _column(self, row: int, column: int) -> int:
        """Return the column in characters; tree-sitter counts bytes."""
        return len(self._lines[row][:column].decode("utf-8", "replace")) + 1


def _key_parts(node: Node) -> list[tuple[str, Node]]:
    """Return the parts of a key, left to right; a dotted key is nested to the left."""
    parts: list[tuple[str, Node]] = []
    while node.type == "dotted_key":
        left, right = node.named_children
        parts.append((_key_text(right), right))
        node = left
    parts.append((_key_text(node), node))
    return parts[: -_LONGEST - 1 : -1]


def _key_text(node: Node) -> str:
    text = (node.text or b"").decode()
    if node.type == "bare_key":
        return text
    return next(iter(tomllib.loads(f"{text} = 0")))
