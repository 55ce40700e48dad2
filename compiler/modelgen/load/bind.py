"""Validate TOML as Config: collect every fault, and continue without the refused values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from modelgen.config import Config, old_names
from modelgen.config.phrases import phrase

if TYPE_CHECKING:
    from modelgen.config.compose import ComposeKeys
    from modelgen.load.locator import Path
    from modelgen.load.text import Toml

# Stands in for a [project] that was refused, so that the rest of the file can still be checked. Never rendered: the
# refusal is an error.
_PROJECT = {"name": "project", "hub": "hub"}
_ROUNDS = 4
# What pydantic puts into a path beside the keys that were written.
_PYDANTIC_PARTS = ("[key]", "[text]", "[table]")


@dataclass(frozen=True, slots=True)
class Fault:
    """What pydantic refused.

    Args:
        path: Of the value, of the unknown key, or of the missing key.
        kind: pydantic's error type or one of our own.
        message: What the value should be, to be read after its name. Of an old name: what to write instead.
        known: For an unknown key, what could stand there.
    """

    path: Path
    kind: str
    message: str
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bound:
    """The outcome: a Config as far as there is one, and what was refused on the way."""

    config: Config | None
    compose: dict[Path, ComposeKeys]
    faults: list[Fault]
    dropped: frozenset[Path]


def bind(tables: Toml) -> Bound:
    """Validate `tables`; what is refused is left out, and the rest is validated again."""
    faults: list[Fault] = []
    dropped: set[Path] = set()
    compose = _bind_compose(tables, faults)
    dropped.update(fault.path for fault in faults)
    if old := _old_rules(tables):
        faults += old
        tables = _copy(tables)
        dropped.update(_drop(tables, fault) for fault in old)
    for _ in range(_ROUNDS):
        try:
            return Bound(Config.model_validate(tables), compose, faults, frozenset(dropped))
        except ValidationError as error:
            found = [_fault(Config, item) for item in error.errors(include_url=False)]
        # What was refused in the last round is written all the same, so it is not missing in this one.
        faults += [fault for fault in found if fault.path not in dropped]
        tables = _copy(tables)
        dropped.update(_drop(tables, fault) for fault in found)
    return Bound(None, compose, faults, frozenset(dropped))


def _bind_compose(tables: Toml, faults: list[Fault]) -> dict[Path, ComposeKeys]:
    """Validate the `compose` tables, which `Config` takes as they are (see config.compose)."""
    bound: dict[Path, ComposeKeys] = {}
    places: list[tuple[Path, Any]] = [((name,), tables.get(name)) for name in ("defaults", "orchestrator")]
    models = tables.get("models")
    places += [(("models", name), table) for name, table in (models.items() if isinstance(models, dict) else ())]
    for path, table in places:
        written = table.get("compose") if isinstance(table, dict) else None
        if isinstance(written, dict):
            from modelgen.config.compose import OWNED, ComposeKeys

            place: Path = (*path, "compose")
            faults += [Fault((*place, key), "owned-compose-key", OWNED[key]) for key in written if key in OWNED]
            written = {key: value for key, value in written.items() if key not in OWNED}
            try:
                bound[place] = ComposeKeys.model_validate(written)
            except ValidationError as error:
                faults += [_fault(ComposeKeys, item, place) for item in error.errors(include_url=False)]
    return bound


def _old_rules(tables: Toml) -> list[Fault]:
    """Return the rules that `[rules]` calls by an old name; the names of rules are not in `Config`."""
    rules = tables.get("rules")
    written = rules if isinstance(rules, dict) else {}
    return [
        Fault(("rules", old), "renamed-key", f"write `{new}`") for old, new in old_names.RULES.items() if old in written
    ]


def _fault(root: type[BaseModel], item: Any, prefix: Path = ()) -> Fault:  # noqa: ANN401 - pydantic's ErrorDetails
    path = item["loc"]
    if prefix:  # of a `compose` table, the only ones with unions
        path = tuple(part for part in path if part not in _PYDANTIC_PARTS)
    known = tuple(_table_at(root, path[:-1]).model_fields) if item["type"] == "extra_forbidden" else ()
    return _renamed(path, item, known) or Fault((*prefix, *path), item["type"], phrase(item), known)


def _renamed(path: Path, item: Any, known: tuple[str, ...]) -> Fault | None:  # noqa: ANN401 - pydantic's ErrorDetails
    """Return the fault of an old key, in a table that has the new one, or of an old value."""
    key, value = path[-1], item["input"]
    text = value if isinstance(value, str) else ""
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
    """Remove from `tables` what was refused, and return the path that is gone.

    A list loses itself, not an item: an item's place is where its neighbours' meaning comes from. A table that lacks
    a required key is lost as a whole.
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
