"""Compare two built Compose files: the containers that would be made anew, and why.

Compose makes a container anew if anything in its service differs. The files are the output of modelgen; the old one may
have been edited or damaged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["create", "recreate", "remove"]
_MODEL = "modelgen.model"
_FLAGS = ("command", "entrypoint")
_LONGEST = 120
_SERVICE = re.compile(rb"  ([A-Za-z0-9._-]+):\s*")


@dataclass(frozen=True, slots=True)
class Difference:
    """A value of a service that differs.

    Args:
        key: The path of the value, such as `environment.HF_HOME`, or a flag of the command.
        before: The old value; None if it is new.
        after: The new value; None if it is gone.
    """

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """The change of one service.

    Args:
        service: Its name.
        model: The model that it serves; empty for a service of modelgen's own.
        kind: Whether its container is created, made anew or removed.
        differences: Why it is made anew.
    """

    service: str
    model: str
    kind: Kind
    differences: tuple[Difference, ...] = ()


PROJECT = "project"
"""The name under which networks, volumes and the project's own name are compared."""


def plan_files(before: bytes | None, after: bytes, name: str) -> tuple[list[Planned], int]:
    """Return what happens to the services of a built file, and how many stay as they are.

    Args:
        before: The old file; None if there is none.
        after: The new file.
        name: The old file's name, for messages.

    Raises:
        InputError: The old file cannot be read.
    """
    old, new = (_blocks(before) if before is not None else {}), _blocks(after)
    if before is None:
        old[PROJECT] = new[PROJECT]
    # Equal text is an equal service: of a thousand, only those that differ are parsed.
    differing = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    found = plan(_parsed(old, differing, name), _parsed(new, differing, name))
    changed = sum(change.kind != "remove" and change.service != PROJECT for change in found)
    return found, len(new) - 1 - changed


def _blocks(data: bytes) -> dict[str, bytes]:
    """Return the text of each service by its name, and everything else as `PROJECT`."""
    blocks: dict[str, list[bytes]] = {PROJECT: []}
    current, is_inside = PROJECT, False
    for line in data.splitlines(keepends=True):
        if line[:1] not in (b" ", b"#", b"\n", b"\r"):
            current, is_inside = PROJECT, line.rstrip() == b"services:"
            if is_inside:
                continue
        elif is_inside and (found := _SERVICE.fullmatch(line)):
            current = found[1].decode()
        blocks.setdefault(current, []).append(line)
    return {name: b"".join(lines) for name, lines in blocks.items()}


def _parsed(blocks: Mapping[str, bytes], names: list[str], file: str) -> dict[str, dict[str, Any]]:
    """Return the differing blocks as tables.

    Raises:
        InputError: One is not a table.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    refused = InputError(f"{file} is not as modelgen wrote it; run `modelgen build --force`")
    tables: dict[str, dict[str, Any]] = {}
    try:
        for name in names:
            if name in blocks:
                tree = yaml.load(blocks[name], Loader=loader)  # noqa: S506 - both are safe
                tables[name] = dict(tree if name == PROJECT else tree[name])
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise refused from error
    if "services" in tables.get(PROJECT, ()):  # in another form than modelgen writes
        raise refused
    return tables


def plan(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> list[Planned]:
    """Return what happens to each service that does not stay as it is, those that are removed first."""
    removed = [Planned(name, _model(before[name]), "remove") for name in before if name not in after]
    rest = []
    for name, service in after.items():
        if name not in before:
            rest.append(Planned(name, _model(service), "create"))
        elif found := tuple(_differences(before[name], service)):
            rest.append(Planned(name, _model(service), "recreate", found))
    return [*removed, *rest]


def _model(service: Mapping[str, Any]) -> str:
    labels = service.get("labels")
    return str(labels.get(_MODEL, "")) if isinstance(labels, dict) else ""


def _differences(before: object, after: object, key: str = "") -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = f"{key}.{name}" if key else str(name)
            if name in before and name in after:
                yield from _differences(before[name], after[name], inner)
            else:
                yield Difference(inner, _shown(before.get(name)), _shown(after.get(name)))
    elif key in _FLAGS and isinstance(before, list) and isinstance(after, list):
        found = [*_of_flags(_flags(before), _flags(after))]
        yield from found or [Difference(key, "another order", _shown(after))]
    else:
        yield Difference(key, _shown(before), _shown(after))


def _flags(command: list[Any]) -> dict[str, str]:
    """Return the flags of a command with their values; arguments before the first flag are one entry."""
    flags: dict[str, str] = {}
    current = "arguments"
    for item in map(str, command):
        if item.startswith("--"):
            current, _, value = item.partition("=")
            flags[current] = value
        else:
            flags[current] = f"{flags.get(current, '')} {item}".strip()
    return flags


def _of_flags(before: dict[str, str], after: dict[str, str]) -> Iterator[Difference]:
    for name in [*before, *(name for name in after if name not in before)]:
        if before.get(name) != after.get(name):
            yield Difference(name, before.get(name), after.get(name))


def _shown(value: object) -> str | None:
    """Return a value on one line; long ones are cut."""
    if value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
