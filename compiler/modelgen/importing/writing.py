"""Write what was imported as the text of a models.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.diagnostics.masking import mask
from modelgen.engines.host.cards import find_known
from modelgen.engines.images.versions import vendor_of
from modelgen.importing.shares import LIMIT, fit_together, sums
from modelgen.importing.tables import PLACEHOLDER
from modelgen.upgrading.edits import toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelgen.importing.tables import Device, Table
    from modelgen.importing.weights import Hub

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MEMORY = "24GiB"
_LONGEST = 200
_ORDER = (
    *("engine", "repo", "revision", "file", "quant", "draft", "aliases", "service"),
    *("image", "build", "version", "fork", "gpus", "gpu_memory"),
)


@dataclass
class File:
    """A models.toml while it is filled.

    Args:
        path: The name of the foreign file.
        project: The name of the project.
        card: The product name of the GPUs; None if it is not known.
        hub: The hub directory.
        tables: The models.
        devices: The GPUs, with their names.
        profiles: The profiles: ids of models, and whether it is the default.
        defaults: Keys for all models.
        orchestrator: Keys of the orchestrator.
        keys: The lines of its keys file.
        left_out: What of the foreign file is not in it → the reason.
        to_do: What the user has to do.
        said: What else is worth knowing.
    """

    path: str
    project: str
    card: str | None
    hub: Hub
    tables: list[Table] = field(default_factory=list)
    devices: dict[Device, str] = field(default_factory=dict)
    profiles: dict[str, tuple[list[str], bool]] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    orchestrator: dict[str, Any] = field(default_factory=dict)
    keys: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    to_do: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add_profile(self, name: str, tables: Sequence[Table], *, is_default: bool) -> None:
        """Add a profile of models that fit on their GPUs together, or say that they do not."""
        ids = [table.id for table in tables]
        if not is_default and ids == [name]:
            return  # each model can be selected by its id
        valid = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "profile"
        while valid in {table.id for table in self.tables} or valid in self.profiles:
            valid += "-profile"
        if fit_together(tables):
            is_first = is_default and not any(default for _, default in self.profiles.values())
            self.profiles[valid] = (ids, is_first)
        else:
            names = ", ".join(ids)
            why = "take more than their GPUs together, so they take turns: write `gpu_memory` of each"
            self.left_out[f"profile {name}"] = f"{names} {why}"

    def limits(self) -> dict[Device, float]:
        """Return the limits of GPUs on which models, alone or together, take more than the default."""
        by_id = {table.id: table for table in self.tables}
        together = [[by_id[one] for one in ids] for ids, _ in self.profiles.values()]
        found: dict[Device, float] = {}
        for group in (*together, *([table] for table in self.tables if table.share is not None)):
            for device, total in sums(group).items():
                if total > LIMIT:
                    found[device] = max(found.get(device, 0), total)
        return found


def write(file: File) -> str:
    """Return the text."""
    parts = [_header(file), _table("project", {"name": file.project, "hub": file.hub.path}, {("hub",): file.hub.was})]
    limits = file.limits()
    for device, name in file.devices.items():
        parts.append(_gpu(file, device, name, limits.get(device)))
    if file.defaults:
        parts.append(_table("defaults", file.defaults))
    parts += [_model(table) for table in file.tables]
    for name, (models, is_default) in file.profiles.items():
        keys: dict[str, Any] = {"models": models}
        parts.append(_table(f"profiles.{_key(name)}", keys | ({"default": True} if is_default else {})))
    if file.orchestrator:
        parts.append(_table("orchestrator", file.orchestrator))
    return "\n".join(parts)


def _header(file: File) -> str:
    lines = [f"Imported by modelgen from {file.path}. A comment `was:` names what was written there."]
    return "".join(_comments([*lines, *file.said, *_left_out(file.left_out)]))


def _gpu(file: File, device: Device, name: str, limit: float | None) -> str:
    is_named = file.card is not None and _is_of_kind(file.card, device.kind)
    keys: dict[str, Any] = {"card": file.card} if is_named else {"memory": _MEMORY}
    comments: dict[tuple[str, ...], str] = (
        {} if is_named else {("memory",): f'{PLACEHOLDER}write the product instead, such as `card = "RTX 3090"`'}
    )
    keys["device"] = device.device
    if device.kind != "nvidia":
        keys["kind"] = device.kind
    if device.kind == "amd":
        comments["device",] = f"{PLACEHOLDER}`ls -l /dev/dri/by-path` lists the GPUs"
    if limit is not None:
        keys["limit"] = limit
        comments["limit",] = "the shares in the file take this much"
    return _table(f"gpus.{name}", keys, comments)


def _is_of_kind(card: str, kind: str) -> bool:
    """Return whether a GPU of a product can be of a kind; one that is not known can."""
    known = find_known(card)
    return not known or any((vendor_of(one.capability) == "amd") == (kind == "amd") for one in known)


def _model(table: Table) -> str:
    path = f"models.{_key(table.id)}"
    keys = {key: table.keys[key] for key in sorted(table.keys, key=_place)}
    parts = [_table(path, keys, table.comments, _left_out(table.left_out))]
    for name, keys in (("args", table.args), ("env", table.env), ("compose", table.compose)):
        if keys:
            own = {inner[1:]: text for inner, text in table.comments.items() if inner[0] == name and len(inner) > 1}
            parts.append(_table(f"{path}.{name}", keys, own))
    for name, keys in table.variants.items():
        own = {inner[2:]: text for inner, text in table.comments.items() if inner[:2] == ("variants", name)}
        parts.append(_table(f"{path}.variants.{_key(name)}", keys, own))
    return "\n".join(parts)


def _place(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER)


def _table(
    path: str, keys: Mapping[str, Any], comments: Mapping[tuple[str, ...], str] | None = None, notes: Sequence[str] = ()
) -> str:
    """Return a table: aligned keys, each with its comment, after notes on the whole."""
    width = max((len(_key(key)) for key in keys), default=0)
    lines = [f"[{path}]\n", *_comments(notes)]
    for key, value in keys.items():
        said = (comments or {}).get((key,), "")
        lines.append(f"{_key(key):<{width}} = {toml(value)}{f' # {_clean(said)}' if said else ''}\n")
    return "".join(lines)


def _left_out(left_out: Mapping[str, str]) -> list[str]:
    return ["Left out:", *(f"  {mask(what)}: {why}" for what, why in left_out.items())] if left_out else []


def _comments(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        yield f"# {indent}{_clean(line)}\n"


def _clean(text: str) -> str:
    """Return a comment on one line, without characters that TOML refuses."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= _LONGEST * 2 else f"{line[:_LONGEST]} … {line[-_LONGEST:]}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml(name)
