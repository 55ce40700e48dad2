"""List what a docker-compose.override.yml replaces in or removes from the built file, with its lines.

Compose merges the two: it replaces single values, `command` and `entrypoint`, merges tables key by key, and appends to
most lists; `!reset` removes a value and `!override` replaces a whole table or list (docs.docker.com, "Merge Compose
files"). The override is untrusted: it is read as YAML nodes, and no object is constructed from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from modelgen.engines.images.places import normal_target, target_of
from modelgen.files import InputError, ModelgenError
from modelgen.operate.doctor.compose import find_override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN_SERVICES = ("orchestrator", "socket-proxy")
_BUILT = "docker-compose.yml"
_MOST_BYTES = 256 * 1024  # PyYAML takes a second or two for as much
_MODEL = "modelgen.model"
_REPLACED_WHOLE = ("command", "entrypoint", "test")
_SET = ("entrypoint", "devices", "gpus", "runtime", "network_mode")
_CARDS = ("resources", "reservations", "devices")
_MERGE = "tag:yaml.org,2002:merge"
_MOST_MERGED = 100

_VITAL = ("command", "entrypoint", "environment", "deploy", "devices", "gpus", "runtime", "volumes", "image")
Verb = Literal["replaces", "takes away", "adds to", "sets"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between an override and the built file.

    Args:
        file: The override.
        line: The line in it.
        column: The column in it.
        service: The changed service.
        model: The model that it serves; None for a service of modelgen's own.
        keys: The keys in the service, such as `("environment", "HF_HUB_OFFLINE")`; empty for the whole service.
        verb: The kind of change.
    """

    file: str
    line: int
    column: int
    service: str
    model: str | None
    keys: tuple[str, ...]
    verb: Verb

    @property
    def is_vital(self) -> bool:
        """Return whether the change may keep a model from running as in models.toml.

        `deploy: !reset null` is written on purpose, for a host without GPUs, as the demo does.
        """
        if (self.keys, self.verb) == (("deploy",), "takes away"):
            return False
        return self.model is not None and (not self.keys or self.keys[0] in _VITAL)

    @property
    def place(self) -> str:
        """The place in the override."""
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def sentence(self) -> str:
        """The change as a sentence."""
        if self.keys[:1] == ("volumes",) and len(self.keys) > 1:
            what = f"the mount at `{self.keys[1]}` of "
        else:
            what = f"`{'.'.join(self.keys)}` of " if self.keys else ""
        return f"{self.verb} {what}service `{self.service}`"


def read_changes(folder: Path, built: bytes | None = None) -> list[Change]:
    """Return what the override in a folder changes in the built file; empty if there is no override.

    Args:
        folder: The output directory.
        built: The text of the docker-compose.yml beside it, if not written yet; None for the one in the folder.

    Raises:
        ModelgenError: One of the two files cannot be read.
    """
    path = find_override(folder)
    if path is None:
        return []
    services = _services(built if built is not None else _read(folder / _BUILT))
    root = _compose(path)
    if root is None:
        return []
    return [*_Differences(path.as_posix(), services).find(root)]


def require_readable(folder: Path) -> None:
    """Refuse an override that cannot be read, by Compose or by modelgen.

    Args:
        folder: The output directory.

    Raises:
        ModelgenError: It is not YAML, or cannot be read.
    """
    path = find_override(folder)
    if path is not None:
        _compose(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read()
    except OSError as error:
        raise ModelgenError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def _services(built: bytes) -> dict[str, dict[str, Any]]:
    """Return the services of the built file, which must be unchanged."""
    try:
        tree = yaml.load(built, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        services: dict[str, dict[str, Any]] = tree["services"]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelgenError(
            f"the {_BUILT} beside the override was edited or is damaged; run `modelgen build`"
        ) from error
    return services


def _compose(path: Path) -> yaml.MappingNode | None:
    """Return the root node of an override; None if it is empty."""
    data = _read(path)
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} is too large: it has more than {_MOST_BYTES // 1024} KiB")
    try:
        root = yaml.compose(data, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
        raise InputError(f"{at} is not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as YAML: {type(error).__name__}") from error
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        return None
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"{path} is not a table with `services`, so Compose refuses it")
    return root


class _Differences:
    """Finds the differences of an override by walking the built file, and no deeper."""

    def __init__(self, file: str, services: dict[str, dict[str, Any]]) -> None:
        self._file, self._services = file, services

    def find(self, root: yaml.MappingNode) -> Iterator[Change]:
        table = _entries(root).get("services")
        if table is None:
            return
        pairs = _pairs(table)
        for name, service in self._services.items():
            found = (table, table) if table.tag == "!reset" else pairs.get(name)
            if found is not None:
                yield from self._in_service(name, service, *found)
            elif table.tag == "!override":
                yield self._change(name, (), table, "takes away")

    def _in_service(self, name: str, built: dict[str, Any], key: yaml.Node, node: yaml.Node) -> Iterator[Change]:
        if node.tag == "!reset":
            yield self._change(name, (), key, "takes away")
        elif node.tag == "!override":
            yield self._change(name, (), key, "replaces")
        else:
            yield from self._in_table(name, built, node, ())
            for other, (place, value) in _pairs(node).items():
                if other not in built and (name in OWN_SERVICES or other in _SET or _reserves_cards(other, value)):
                    yield self._change(name, (other,), place, "sets")

    def _in_table(
        self, service: str, built: dict[str, Any], node: yaml.Node, keys: tuple[str, ...]
    ) -> Iterator[Change]:
        for key, (place, value) in _pairs(node).items():
            if key in built:
                yield from self._in_value(service, built[key], place, value, (*keys, key))

    def _in_value(
        self, service: str, built: object, place: yaml.Node, node: yaml.Node, keys: tuple[str, ...]
    ) -> Iterator[Change]:
        if node.tag == "!reset":
            yield self._change(service, keys, place, "takes away")
        elif _is_same(built, node):
            return
        elif node.tag == "!override" or keys[-1] in _REPLACED_WHOLE:
            yield self._change(service, keys, place, "replaces")
        elif isinstance(built, dict):
            yield from self._in_table(service, built, node, keys)
        elif isinstance(built, list) and isinstance(node, yaml.SequenceNode):
            yield from self._in_list(service, built, node, keys)
        else:
            yield self._change(service, keys, place, "replaces")

    def _in_list(
        self, service: str, built: list[Any], node: yaml.SequenceNode, keys: tuple[str, ...]
    ) -> Iterator[Change]:
        """Compare lists: Compose appends to them, and a mount replaces another at the same target."""
        if keys[-1] == "volumes":
            ours = {normal_target(mount["target"]): mount for mount in built if isinstance(mount, dict)}
            for item in node.value:
                target = _target(item)
                if target in ours and not _is_same(ours[target], item):
                    yield self._change(service, (*keys, target), item, "replaces")
        elif keys[-1] == "devices":
            yield self._change(service, keys, node, "adds to")

    def _change(self, service: str, keys: tuple[str, ...], node: yaml.Node, verb: Verb) -> Change:
        labels = self._services[service].get("labels")
        model = labels.get(_MODEL) if isinstance(labels, dict) else None
        mark = node.start_mark
        return Change(self._file, mark.line + 1, mark.column + 1, service, model, keys, verb)


def _reserves_cards(key: str, node: yaml.Node) -> bool:
    """Return whether a key is a `deploy` that gives the service GPUs."""
    found: yaml.Node | None = node if key == "deploy" else None
    for name in _CARDS:
        found = None if found is None else _entries(found).get(name)
    return found is not None


def _entries(node: yaml.Node) -> dict[str, yaml.Node]:
    return {key: value for key, (_, value) in _pairs(node).items()}


def _pairs(node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Return key and value of each entry of a table, with merged keys, or of a list of `NAME=value`."""
    pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                name, equals, text = item.value.partition("=")
                pairs[name] = (item, yaml.ScalarNode("tag:yaml.org,2002:str" if equals else "", text))
        return pairs
    tables, merged = [node], 0
    while tables and merged < _MOST_MERGED:
        table, merged = tables.pop(0), merged + 1
        for key, value in table.value if isinstance(table, yaml.MappingNode) else ():
            if key.tag == _MERGE:
                tables += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif isinstance(key, yaml.ScalarNode):
                pairs.setdefault(key.value, (key, value))
    return pairs


def _is_same(built: object, node: yaml.Node) -> bool:
    """Return whether a node equals the built value for Compose."""
    if isinstance(node, yaml.ScalarNode):
        return not isinstance(built, dict | list) and _text(built) == node.value
    if isinstance(node, yaml.SequenceNode):
        return isinstance(built, list) and len(built) == len(node.value) and all(map(_is_same, built, node.value))
    pairs = _entries(node)
    return (
        isinstance(built, dict)
        and built.keys() == pairs.keys()
        and all(_is_same(built[key], pairs[key]) for key in pairs)
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _target(item: yaml.Node) -> str:
    """Return the path in the container of an entry of `volumes`."""
    if isinstance(item, yaml.ScalarNode):
        return target_of(item.value)
    target = _entries(item).get("target")
    return normal_target(target.value) if isinstance(target, yaml.ScalarNode) else ""
