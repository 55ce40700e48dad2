"""Validate TOML as Config: collect every fault, and continue without the refused values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from modelgen.config import Config, old_names
from modelgen.load.unnamed import find_unnamed, named

if TYPE_CHECKING:
    from modelgen.config.compose import ComposeKeys
    from modelgen.load.locator import Path
    from modelgen.load.text import Toml

# Replaces a [project] that was refused, so that the rest of the file can still be checked. It is never rendered: the
# refusal is an error.
_PROJECT = {"name": "project", "hub": "hub"}
_ROUNDS = 4
# Parts that pydantic adds to a path beside the written keys.
_PYDANTIC_PARTS = ("[key]", "[text]", "[table]")


@dataclass(frozen=True, slots=True)
class Fault:
    """A value or key that pydantic refused.

    Args:
        path: Path of the value, the unknown key or the missing key.
        kind: pydantic's error type or one of modelgen's.
        message: What the value should be, as the rest of a sentence that begins with its name; for an old name, what to
            write instead.
        known: For an unknown key, the keys that are allowed there.
        help: What to write instead; empty where nothing is obvious.
    """

    path: Path
    kind: str
    message: str
    known: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class Bound:
    """The result: a Config, if the file has one, and the faults."""

    config: Config | None
    compose: dict[Path, ComposeKeys]
    faults: list[Fault]
    dropped: frozenset[Path]


def bind(tables: Toml) -> Bound:
    """Validate `tables`; leave out what is refused and validate the rest again."""
    faults: list[Fault] = []
    dropped: set[Path] = set()
    for unnamed in find_unnamed(tables):
        faults.append(Fault((unnamed.table,), "unnamed-table", "", help=unnamed.help))
        tables = named(tables, unnamed)
        dropped |= {(unnamed.table,)} if unnamed.name is None else set()
    compose = _bind_compose(tables, faults)
    dropped.update(fault.path for fault in faults if fault.kind != "unnamed-table")
    if old := _old_rules(tables):
        faults += old
        tables = _copy(tables)
        dropped.update(_drop(tables, fault) for fault in old)
    for _ in range(_ROUNDS):
        try:
            return Bound(Config.model_validate(tables), compose, faults, frozenset(dropped))
        except ValidationError as error:
            found = [_fault(Config, item, tables) for item in error.errors(include_url=False)]
        # A value that was refused in the last round is written, so it is not missing in this one.
        # Nor is one that another tool's name stands for, as `model` does for `repo`.
        meant = {path for fault in found if (path := _meant(fault)) is not None}
        faults += [fault for fault in found if fault.path not in dropped | meant]
        tables = _copy(tables)
        dropped.update(_drop(tables, fault) for fault in found)
        dropped |= meant
    return Bound(None, compose, faults, frozenset(dropped))


def _meant(fault: Fault) -> Path | None:
    """Return the path of the key or table that an unknown one stands for; None if it is not known."""
    found = re.search(r"\bwrite `\[?([\w-]+)[^`]*`(?! in )", fault.help) if fault.kind == "extra_forbidden" else None
    return (*fault.path[:-1], found[1]) if found and found[1] in fault.known and found[1] != "args" else None


def _bind_compose(tables: Toml, faults: list[Fault]) -> dict[Path, ComposeKeys]:
    """Validate the `compose` tables, which `Config` does not validate (see config.compose)."""
    bound: dict[Path, ComposeKeys] = {}
    places: list[tuple[Path, Any]] = [((name,), tables.get(name)) for name in ("defaults", "orchestrator")]
    models = tables.get("models")
    places += [(("models", name), table) for name, table in (models.items() if isinstance(models, dict) else ())]
    for path, table in places:
        written = table.get("compose") if isinstance(table, dict) else None
        if isinstance(written, dict):
            from modelgen.config.compose import ComposeKeys
            from modelgen.config.owned_compose_keys import OWNED

            place: Path = (*path, "compose")
            faults += [Fault((*place, key), "owned-compose-key", OWNED[key]) for key in written if key in OWNED]
            written = {key: value for key, value in written.items() if key not in OWNED}
            try:
                bound[place] = ComposeKeys.model_validate(written)
            except ValidationError as error:
                faults += [_fault(ComposeKeys, item, tables, place) for item in error.errors(include_url=False)]
    return bound


def _old_rules(tables: Toml) -> list[Fault]:
    """Return the old names of rules in `[rules]`; `Config` does not know the names of rules."""
    rules = tables.get("rules")
    written = rules if isinstance(rules, dict) else {}
    return [
        Fault(("rules", old), "renamed-key", f"write `{new}`") for old, new in old_names.RULES.items() if old in written
    ]


def _fault(
    root: type[BaseModel],
    item: Any,  # noqa: ANN401 - pydantic's ErrorDetails
    tables: Toml,
    prefix: Path = (),
) -> Fault:
    # Imported here: a file without a fault does not pay for them.
    from modelgen.config.familiar_answers import write_instead
    from modelgen.config.phrases import phrase, write_value

    path = item["loc"]
    if prefix:  # of a `compose` table, the only ones with unions
        path = tuple(part for part in path if part not in _PYDANTIC_PARTS)
    known = tuple(_table_at(root, path[:-1]).model_fields) if item["type"] == "extra_forbidden" else ()
    help_ = "" if prefix else write_instead(path, item["input"], tables) if known else write_value(path, item, tables)
    return _renamed(path, item, known) or Fault((*prefix, *path), item["type"], phrase(item), known, help_)


def _renamed(path: Path, item: Any, known: tuple[str, ...]) -> Fault | None:  # noqa: ANN401 - pydantic's ErrorDetails
    """Return the fault for an old key, in a table that has the new one, or for an old value."""
    key, value = path[-1], item["input"]
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else ""
    if (new := old_names.KEYS.get(str(key))) in known:
        changed = old_names.VALUES.get((new, text))
        return Fault(path, "renamed-key", f'write `{new} = "{changed}"`' if changed else f"write `{new}`")
    if item["type"] == "literal_error" and (changed := old_names.VALUES.get((str(key), text))):
        return Fault(path, "renamed-value", f'write `{key} = "{changed}"`')
    return None


def _table_at(root: type[BaseModel], path: Path) -> type[BaseModel]:
    """Return the model of the table at `path`, through `dict[str, Table]` fields."""
    table = root
    for part in path:
        if field := table.model_fields.get(str(part)):
            nested = [
                kind for kind in _flatten(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)
            ]
            table = nested[0] if nested else table
    return table


def _flatten(annotation: Any) -> list[Any]:  # noqa: ANN401
    arguments = get_args(annotation)
    return [kind for argument in arguments for kind in _flatten(argument)] if arguments else [annotation]


def _copy(table: Any) -> Any:  # noqa: ANN401
    return {key: _copy(value) for key, value in table.items()} if isinstance(table, dict) else table


def _drop(tables: Toml, fault: Fault) -> Path:
    """Remove a refused value from `tables`, and return the path that was removed.

    A list is removed as a whole, since the index of an item may matter. A table without a required key is removed as a
    whole, too.
    """
    path = fault.path[: next((at for at, part in enumerate(fault.path) if isinstance(part, int)), len(fault.path))]
    if fault.kind == "missing":
        path = path[:-1] or path
    if path[0] == "project" and (len(path) == 1 or path[-1] in _PROJECT):
        written = tables.get("project")
        kept = (
            {key: value for key, value in written.items() if key != fault.path[-1]} if isinstance(written, dict) else {}
        )
        tables["project"] = {**_PROJECT, **kept}
        return fault.path if fault.kind == "missing" else path
    table: Any = tables
    for part in path[:-1]:
        table = table.get(part) if isinstance(table, dict) else None
    if isinstance(table, dict):
        table.pop(path[-1], None)
    return path
