"""Find `[gpus]`, `[engines]`, `[models]` and `[profiles]` that hold the keys of one entry, which needs a name.

The entry gets a name, so that all else in the file is checked as it was meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.config.familiar_values import bare
from modelgen.config.model import Model
from modelgen.config.tables import EngineTable, Gpu, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from modelgen.load.text import Toml

_ROWS: Mapping[str, type[BaseModel]] = {"gpus": Gpu, "engines": EngineTable, "models": Model, "profiles": Profile}


class Unnamed(NamedTuple):
    """A table that lacks its name.

    Args:
        table: The table of tables, such as `gpus`.
        name: The name that it gets; None if other tables have one, since the keys may be meant for all of them.
        help: What to write.
    """

    table: str
    name: str | None
    help: str


def find_unnamed(tables: Toml) -> Iterator[Unnamed]:
    """Yield the tables without a name."""
    for table in _ROWS:
        keys = _own_keys(tables, table)
        if not keys:
            continue
        others = [name for name in tables[table] if name not in keys]
        if others:
            all_models = " for one model; what all models share belongs in `[defaults]`" if table == "models" else ""
            yield Unnamed(
                table,
                None,
                f"write these keys in a table with a name, as `[{table}.{bare(others[0])}]` has one{all_models}",
            )
        else:
            name = _name_for(table, tables)
            yield Unnamed(table, name, f"write `[{table}.{bare(name)}]`: the table needs a name")


def named(tables: Toml, found: Unnamed) -> Toml:
    """Return the file with the keys in a table of the name, or without them if they have none."""
    keys = _own_keys(tables, found.table)
    rest = {key: value for key, value in tables[found.table].items() if key not in keys}
    if found.name is not None:
        rest[found.name] = {key: tables[found.table][key] for key in keys}
    return {**tables, found.table: rest}


def _own_keys(tables: Toml, table: str) -> list[str]:
    """Return the keys of an entry that stand in the table of tables; empty if each value there is a table."""
    written = tables.get(table)
    if not isinstance(written, dict):
        return []
    fields = _ROWS[table].model_fields
    values = [
        key for key, value in written.items() if not isinstance(value, dict) and not _is_profile(table, key, value)
    ]
    if not any(key in fields for key in values):
        return []
    inner = [key for key, value in written.items() if isinstance(value, dict) and key in fields and "repo" not in value]
    return values + inner


def _is_profile(table: str, key: str, value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    """Return whether a list of models is meant as a profile of that name, which has a finding of its own."""
    return table == "profiles" and isinstance(value, list) and key != "models"


def _name_for(table: str, tables: Toml) -> str:
    """Return a name that the rest of the file fits: one that it uses already, else one from the values."""
    entry = tables[table]
    match table:
        case "gpus":
            return next((gpu for gpu in _listed(tables, "models", "gpus") if gpu not in ("all", "auto")), "gpu0")
        case "models":
            used = next(_listed(tables, "profiles", "models"), "")
            return (
                used
                or re.sub(r"[^a-z0-9._-]", "", str(entry.get("repo", "")).rpartition("/")[2].lower()).strip("._-")
                or "my-model"
            )
        case "engines":
            return _engine_of(str(entry.get("image", "")), tables)
        case _:
            return "main"


def _engine_of(image: str, tables: Toml) -> str:
    from modelgen.config.familiar_names import DEFAULT_ENGINE, IMAGES

    by_image = (engine for engine, start in IMAGES.items() if image.startswith(start))
    return next(by_image, "") or next(_listed(tables, "models", "engine"), DEFAULT_ENGINE)


def _listed(tables: Toml, table: str, key: str) -> Iterator[str]:
    """Yield the strings that the entries of a table have for a key, also those of an entry without a name."""
    written = tables.get(table)
    rows = [written, *written.values()] if isinstance(written, dict) else []
    for value in (row.get(key) for row in rows if isinstance(row, dict)):
        yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item)
