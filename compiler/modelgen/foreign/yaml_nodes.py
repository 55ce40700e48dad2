"""Read YAML as a graph of nodes: aliases are never copied, so a small file cannot fill the memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from modelgen.foreign.interpolation import interpolate
from modelgen.foreign.values import Value
from modelgen.foreign.yaml_places import Scalar, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modelgen.source import Source, Span

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_DEEPEST = 60
_PLAIN: Mapping[str, Callable[[str], Any]] = {
    "bool": lambda text: text.lower() in ("true", "yes", "on"),
    "int": int,
    "float": float,
}
_INDENTED = re.compile(r"^[ ?-]{120}", re.MULTILINE)
_MOST = 400_000
MOST_SERVICES = 10_000
"""The most services of a file: each takes about a millisecond."""
TOO_LARGE = "it has, or refers to, far more values than a file of services"


class TooLargeError(Exception):
    """A file has, or refers to, more values than a file of services has."""


class BadYamlError(Exception):
    """A text is not YAML: what is wrong, and where (line and column from 1)."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Entry(NamedTuple):
    """An entry of a mapping."""

    key: ScalarNode
    value: Node


def compose_nodes(text: str) -> Node | None:
    """Return the root node of a YAML text; None for an empty one.

    Raises:
        BadYamlError: The text is not YAML, has several documents, or is nested too deeply.
        TooLargeError: It has far more values than a file of services.
    """
    nodes = compose_documents(text)
    if len(nodes) > 1:
        mark = nodes[1].start_mark
        raise BadYamlError("it has several documents", mark.line + 1, mark.column + 1)
    return nodes[0] if nodes else None


def compose_documents(text: str) -> list[Node]:
    """Return the root node of each document of a YAML text that is not empty.

    Raises:
        BadYamlError: The text is not YAML, or is nested too deeply.
        TooLargeError: It has far more values than a file of services.
    """
    try:
        # Brackets need no look: libyaml refuses more than 1,000 levels of them (MAX_NESTING_LEVEL).
        if _INDENTED.search(text) or text.count("\n") + text.count(",") + text.count(":") + text.count("- ") > _MOST:
            _refuse_size(text)
        return [node for node in yaml.compose_all(text, Loader=_LOADER) if not is_null(node)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadYamlError(error.problem or error.context or "invalid YAML", *place) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadYamlError(str(error).splitlines()[0] if str(error) else "invalid YAML", 1, 1) from error


def _refuse_size(text: str) -> None:
    """Compose only what is not nested deeply, since composing is recursive, and what the memory holds."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if number > _MOST:
            raise TooLargeError
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                mark = event.start_mark
                line, column = (mark.line, mark.column) if mark else (0, 0)
                raise BadYamlError(f"more than {_DEEPEST} levels", line + 1, column + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class Reader:
    """Reads the nodes of one file.

    Args:
        source: The text.
        variables: The values of variables; None where `$` has no meaning.
        folder: Its folder, relative to that of the first file.
    """

    def __init__(self, source: Source, variables: Mapping[str, str] | None, folder: str = "") -> None:
        self.source = source
        self.folder = folder
        self.missing: dict[str, Value] = {}
        self.invalid: list[Span] = []
        self._variables = variables
        self._entries: dict[int, dict[str, Entry]] = {}
        self._read = 0

    def entries(self, node: Node | None) -> dict[str, Entry]:
        """Return the entries of a mapping by key, with those that it merges (`<<`); empty for other nodes."""
        if not isinstance(node, MappingNode):
            return {}
        if id(node) not in self._entries:
            self._entries[id(node)] = {}  # what merges itself has nothing to merge
            own: dict[str, Entry] = {}
            merged: dict[str, Entry] = {}
            for key, value in node.value:
                self._count()
                if not isinstance(key, ScalarNode):
                    continue
                if key.value == "<<":
                    for other in value.value if isinstance(value, SequenceNode) else [value]:
                        merged = {**self.entries(other), **merged}
                        self._count(len(merged))
                else:
                    own[key.value] = Entry(key, value)
            self._entries[id(node)] = merged | own
        return self._entries[id(node)]

    def items(self, node: Node | None) -> Iterator[Node]:
        """Yield the items of a sequence; nothing for other nodes."""
        if isinstance(node, SequenceNode):
            for item in node.value:
                self._count()
                yield item

    def value(self, node: Node | None) -> Value | None:
        """Return a scalar with its variables replaced; None for other nodes, and for null."""
        if not isinstance(node, ScalarNode) or is_null(node):
            return None
        self._count()
        if self._variables is None or "$" not in node.value:
            return Value(node.value, Scalar(self.source, node, None))
        found = interpolate(node.value, self._variables)
        if not found.is_valid:
            self.invalid.append(whole(self.source, node))
            return None
        value = Value("".join(piece.text for piece in found.pieces), Scalar(self.source, node, found.pieces))
        for name in found.missing:
            self.missing.setdefault(name, value)
        return value

    def plain(self, node: Node | None) -> Any:  # noqa: ANN401 - any YAML value
        """Return a node as plain data; what a variable stands in is text."""
        if isinstance(node, MappingNode):
            return {key: self.plain(entry.value) for key, entry in self.entries(node).items()}
        if isinstance(node, SequenceNode):
            return [self.plain(item) for item in self.items(node)]
        value = None if is_null(node) else self.value(node)
        if value is None or not isinstance(node, ScalarNode) or "$" in node.value:
            return None if value is None else value.text
        read = _PLAIN.get(node.tag.rpartition(":")[2])
        try:
            return value.text if read is None else read(value.text)
        except ValueError:
            return value.text

    def key(self, node: ScalarNode) -> Value:
        """Return a key, in which Compose replaces no variables."""
        return Value(node.value, Scalar(self.source, node, None))

    def span(self, node: Node) -> Span:
        """Return where a node is written; of what is in several lines, the first one."""
        return whole(self.source, node)

    def _count(self, number: int = 1) -> None:
        self._read += number
        if self._read > _MOST:
            raise TooLargeError


def is_null(node: Node | None) -> bool:
    """Return whether there is no value."""
    return node is None or (isinstance(node, ScalarNode) and node.tag == _NULL)
