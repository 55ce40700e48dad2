"""Read a YAML file of flags, as `--config` of vLLM and SGLang names it.

Both engines put the entries before the other arguments, so those of the command line win (`_pull_args_from_config` of
vLLM, `ConfigArgumentMerger` of SGLang). modelgen writes the entries on the command line itself, since vLLM's reading
differs by release: without `serve`, 0.10.1 reads no file; lists need 0.10.2, tables 0.16; `false` is ignored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, ScalarNode

from modelgen.foreign.yaml_nodes import BadYamlError, TooLargeError, compose_nodes
from modelgen.foreign.yaml_places import whole
from modelgen.load.document import Fault, FlagsFile
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from yaml import Node

    from modelgen.engines.engine import Engine
    from modelgen.load.locator import Path

_PATH = re.compile(r"\.{1,2}/.*\.ya?ml")
_INTEGER_LIMIT = 2**63
_LARGEST = 2**20
_FORM = "write `flag: value`, one in a line"


class Named(NamedTuple):
    """The path of a file: as written, as findings show it, and where it is written."""

    written: str
    shown: str
    place: Callable[[], Span]


class _Places:
    """The places of the entries of one file, each at `(key,)`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes: dict[str, tuple[Node, Node]] = {}

    def put(self, name: str, key: Node, value: Node) -> None:
        self._nodes[name] = key, value

    def key(self, path: Path) -> Span:
        return self._span(path, 0)

    def value(self, path: Path) -> Span:
        return self._span(path, 1)

    def header(self, path: Path) -> Span:
        return self._span(path, 0)

    def _span(self, path: Path, at: int) -> Span:
        nodes = self._nodes.get(str(path[0])) if path else None
        return whole(self._source, nodes[at]) if nodes else self._source.start


def read_flags(engine: Engine, file: Named, read: Callable[[str], bytes], own: Mapping[str, Any]) -> FlagsFile:
    """Read one file. What is wrong with its path or its content is a fault.

    Args:
        engine: The engine of the model.
        file: The path of the file.
        read: As for `with_flag_files`.
        own: The `args` in models.toml, which replace those of the file.
    """
    written, flag = file.written, engine.flags_file

    def refuse(message: str, help_text: str, source: Source | None = None, span: Span | None = None) -> FlagsFile:
        fault = Fault(span or (source.start if source else file.place()), message, help_text)
        return FlagsFile(flag, {}, None, source, (fault,))

    if not _PATH.fullmatch(written):
        right = f'`{flag} = "./NAME.yaml"`'
        return refuse(f"`{flag}` is no YAML file beside models.toml: `{written}`", f"copy it there, and write {right}")
    try:
        text = read(written).decode()
    except UnicodeDecodeError:
        return refuse(f"`{written}` is not UTF-8", "save it as UTF-8")
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return refuse(f"`{written}` cannot be read: {reason}", "write its path relative to models.toml")
    source = Source(file.shown, text)
    if len(text) > _LARGEST:
        return refuse(f"`{written}` is larger than 1 MiB", "name a file of flags", source)
    try:
        root = compose_nodes(text)
    except BadYamlError as error:
        # What is left open is found at the end, where there is no line to show.
        lines = text.splitlines()[: error.line]
        while lines and not lines[-1].strip():
            lines.pop()
        at = (error.line, error.column) if len(lines) == error.line else (len(lines), len(lines[-1]))
        span = Span(file.shown, *at, at[0], at[1] + 1)
        return refuse(f"`{written}` is not YAML: {error}", _FORM, source, span)
    except TooLargeError:
        return refuse(f"`{written}` has far more values than a file of flags", "name a file of flags", source)
    if root is not None and _is_shared(root, set()):
        return refuse(f"`{written}` has aliases", "write each value where it is used", source)
    if root is not None and not isinstance(root, MappingNode):
        return refuse(f"`{written}` is no mapping of flags", _FORM, source)
    return _Entries(engine, source, own).read(root)


class _Entries:
    """The entries of one file."""

    def __init__(self, engine: Engine, source: Source, own: Mapping[str, Any]) -> None:
        self._flag, self._source = engine.flags_file, source
        self._catalogue = engine.catalogue() if engine.catalogue else None
        self._own = {self._canonical(key): value for key, value in own.items()}
        self._faults: list[Fault] = []

    def read(self, root: MappingNode | None) -> FlagsFile:
        """Read a mapping of flags."""
        places, args, seen = _Places(self._source), dict[str, Any](), dict[str, str]()
        replaced = []
        for key_node, node in root.value if root is not None else ():
            if not isinstance(key_node, ScalarNode) or key_node.value == "<<":
                self._refuse(key_node, "a key is no name of a flag", _FORM)
                continue
            value = _value(node)
            if not all(_is_plain(one) for one in _leaves(value)):
                what = "no value" if value is None else "a value that no flag has"
                self._refuse(key_node, f"`{key_node.value}` has {what}", "write a value, or remove the line")
                continue
            key, value = self._without_negation(key_node.value, value)
            name = self._canonical(key)
            if name in seen:
                twice = f"`{key}` is written twice" if key == seen[name] else f"`{seen[name]}` and `{key}` are one flag"
                self._refuse(key_node, twice, "remove one of them")
                continue
            seen[name] = key
            places.put(key, key_node, node)
            if name in self._own:
                replaced += [key] if self._own[name] != value else []
            else:
                args[key] = value
        return FlagsFile(self._flag, args, places, self._source, tuple(self._faults), tuple(replaced))

    def _canonical(self, key: str) -> str:
        return self._catalogue.canonical(key) if self._catalogue else key

    def _without_negation(self, key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - any YAML value
        """Return `no-x: true` as `x: false`, which models.toml has for it."""
        bare = key[3:]
        if key.startswith(("no-", "no_")) and isinstance(value, bool) and self._catalogue is not None:
            return (bare, not value) if self._catalogue.lives(self._canonical(bare)) else (key, value)
        return key, value

    def _refuse(self, node: Node, message: str, help_text: str) -> None:
        self._faults.append(Fault(whole(self._source, node), message, help_text))


def _is_shared(node: Node, seen: set[int]) -> bool:
    """Return whether a node is in several places: an alias is the node that it names."""
    if id(node) in seen:
        return True
    seen.add(id(node))
    inner = [one for pair in node.value for one in pair] if isinstance(node, MappingNode) else node.value
    return not isinstance(node, ScalarNode) and any(_is_shared(one, seen) for one in inner)


def _value(node: Node) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of a node as `yaml.safe_load` reads it; None for one that it refuses."""
    try:
        return yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError):
        return None


def _is_plain(value: Any) -> bool:  # noqa: ANN401
    """Return whether models.toml could have a value."""
    return isinstance(value, str | float) or (isinstance(value, int) and abs(value) < _INTEGER_LIMIT)


def _leaves(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield what lists and tables are made of; None for a key that is not text."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key if isinstance(key, str) else None
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value
