"""Compare two built Compose files: the containers that would be made anew, and why.

Compose makes a container anew if anything in its service differs. The files are the output of modelgen; the old one may
have been edited or damaged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

import yaml

from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["create", "recreate", "remove", "change", "comment"]
_MODEL = "modelgen.model"
_FLAGS = ("command", "entrypoint")
_LONGEST = 120
_HEAD = re.compile(rb"^(?:  ([A-Za-z0-9._-]+):[ \t\r]*$|([^ #\n\r][^\n]*))", re.MULTILINE)
"""The first line of a service, or of a table of the file."""


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
        kind: Whether its container is created, made anew or removed, or whether only comments change; the project's own
            tables have no container, and change.
        differences: Why it is made anew.
        lost_volumes: Whether a volume that it had is not mounted any more, or has another name.
    """

    service: str
    model: str
    kind: Kind
    differences: tuple[Difference, ...] = ()
    lost_volumes: bool = False


PROJECT = "project"
"""The name under which networks, volumes and the project's own name are compared."""
NAMED = {"volumes": "volume", "networks": "network"}
"""Tables of the project whose entries have a name in Docker, and the key of a difference of that name."""


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
    found = [_with_comments(change, old, new) for change in found] + [
        Planned(key, "", "comment", _of_comments(old[key], new[key]))
        for key in differing
        if key in old and key in new and not any(change.service == key for change in found)
    ]
    changed = sum(change.kind in ("create", "recreate") for change in found)
    return found, len(new) - 1 - changed


def _with_comments(change: Planned, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Planned:
    if change.kind not in ("recreate", "change"):
        return change
    comments = _of_comments(old[change.service], new[change.service], form=False)
    return replace(change, differences=(*change.differences, *comments))


def _of_comments(before: bytes, after: bytes, *, form: bool = True) -> tuple[Difference, ...]:
    """Return the comments that differ; without any, that the text has another form, which Compose does not see."""
    old, new = (
        [line.strip()[1:].strip().decode() for line in text.splitlines() if line.lstrip().startswith(b"#")]
        for text in (before, after)
    )
    gone, come = [one for one in old if one not in new], [one for one in new if one not in old]
    found = tuple(Difference("comment", *pair) for pair in zip_longest(gone, come))
    return found or ((Difference("text", None, "another form"),) if form else ())


def _blocks(data: bytes) -> dict[str, bytes]:
    """Return the text of each service by its name, and everything else as `PROJECT`."""
    blocks: dict[str, bytes] = {PROJECT: b""}
    current, is_inside, begin = PROJECT, False, 0
    for head in _HEAD.finditer(data):
        if head[1] is not None and not is_inside:
            continue
        blocks[current] = blocks.get(current, b"") + data[begin : head.start()]
        begin = head.start()
        if head[1] is not None:
            current = head[1].decode()
        else:
            current, is_inside = PROJECT, head[2].rstrip() == b"services:"
            begin = head.end() if is_inside else begin
    blocks[current] = blocks.get(current, b"") + data[begin:]
    return blocks


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
    old, new = (_names(blocks.get(PROJECT, {}), "volumes") for blocks in (before, after))
    for name, service in after.items():
        if name == PROJECT:
            if found := tuple(_of_project(before.get(name, {}), service)):
                rest.append(Planned(name, "", "change", found))
        elif name not in before:
            rest.append(Planned(name, _model(service), "create"))
        elif found := tuple(_differences(before[name], service)):
            lost = bool(_volumes(before[name], old) - _volumes(service, new))
            rest.append(Planned(name, _model(service), "recreate", found, lost))
    return [*removed, *rest]


def _model(service: Mapping[str, Any]) -> str:
    labels = service.get("labels")
    return str(labels.get(_MODEL, "")) if isinstance(labels, dict) else ""


def _volumes(service: Mapping[str, Any], names: Mapping[str, str]) -> set[str]:
    """Return the volumes of a service, by the names that Docker has for them."""
    mounts = service.get("volumes")
    listed = [mount for mount in mounts if isinstance(mount, dict)] if isinstance(mounts, list) else []
    sources = [str(mount.get("source")) for mount in listed if mount.get("type") == "volume"]
    return {names.get(source, source) for source in sources}


def _tables(project: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    tables = project.get(kind)
    listed = tables if isinstance(tables, dict) else {}
    return {str(key): table if isinstance(table, dict) else {} for key, table in listed.items()}


def _names(project: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Return the names that Docker has for volumes or networks, by their key; Compose puts the project's before it."""
    return {
        key: str(table.get("name") or f"{project.get('name')}_{key}") for key, table in _tables(project, kind).items()
    }


def _of_project(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the volumes and networks that come, go or have another name, and what else differs beside services."""
    was, now = ({key: value for key, value in one.items() if key not in NAMED} for one in (before, after))
    yield from _differences(was, now)
    for kind, word in NAMED.items():
        for one in _differences(_names(before, kind), _names(after, kind)):
            yield Difference(word, one.before, one.after)
        old, new = _tables(before, kind), _tables(after, kind)
        for key in (key for key in old if key in new):
            yield from _differences({**old[key], "name": None}, {**new[key], "name": None}, f"{kind}.{key}")


def _differences(before: object, after: object, key: str = "") -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = f"{key}.{name}" if key else str(name)
            if name in before and name in after:
                yield from _differences(before[name], after[name], inner)
            else:
                yield _difference(inner, before.get(name), after.get(name))
    elif key in _FLAGS and isinstance(before, list) and isinstance(after, list):
        found = [*_of_flags(_flags(before), _flags(after))]
        yield from found or [Difference(key, "another order", _shown(after))]
    else:
        yield _difference(key, before, after)


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


def _difference(key: str, before: object, after: object) -> Difference:
    """Return a difference; two long values are shown from where they differ."""
    texts = [_text(value) for value in (before, after)]
    same = next(
        (at for at, pair in enumerate(zip(*(text or "" for text in texts), strict=False)) if len({*pair}) > 1), 0
    )
    at = max(0, same - 20) if all(text is not None and len(text) > _LONGEST for text in texts) else 0
    return Difference(key, *(None if text is None else _cut(text, at) for text in texts))


def _shown(value: object) -> str | None:
    text = _text(value)
    return None if text is None else _cut(text, 0)


def _text(value: object) -> str | None:
    """Return a value on one line."""
    if value is None:
        return None
    return " ".join((str(value).lower() if isinstance(value, bool) else str(value)).split())


def _cut(text: str, at: int) -> str:
    shown = f"…{text[at:]}" if at else text
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
