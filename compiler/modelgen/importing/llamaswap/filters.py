"""Import the filters of llama-swap as variants, where a variant edits requests in the same way.

llama-swap removes `stripParams`, then sets `setParams`, then `setParamsByID` of the name in the request; each key of
the last is a name of the model. Its own id cannot be a variant.
Source: config.example.yaml of mostlygeek/llama-swap.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.importing.secrets import is_secret, shown

if TYPE_CHECKING:
    from modelgen.importing.model_names import Names
    from modelgen.importing.tables import Table

_BY_NAME = "setParamsByID"
_READ = ("stripParams", "setParams", _BY_NAME)
_FLAT = re.compile(r"[A-Za-z0-9_-]+")
"""Parameters that are a key of the body; in llama-swap, others are paths into it, as in `a.b` and `tools.#`."""
_OF_CLIENTS = ("stream", "messages", "prompt", "input")
_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]+")
_ALL = "filtered"


def set_filters(table: Table, names: Names, filters: Any) -> None:  # noqa: ANN401 - a YAML value
    """Make a variant of each name whose requests llama-swap edits; say what becomes of the others.

    Args:
        table: The table of the model, with its aliases: those that become variants are removed.
        names: The names that are taken.
        filters: The value of `filters`.
    """
    if not isinstance(filters, dict):
        if filters is not None:
            table.left_out[f"filters {shown(filters)}".strip()] = "it is not a table of filters"
        return
    for key, value in filters.items():
        if key not in _READ:
            table.left_out[f"filters.{key} {shown(value)}".strip()] = "models.toml has no such key"
    stripped = _names(filters.get("stripParams"))
    always = _parameters(table, "setParams", filters.get("setParams"))
    by_name = filters.get(_BY_NAME)
    edits = {str(name): _parameters(table, f"{_BY_NAME}.{name}", one) for name, one in _items(by_name)}
    own = table.lifted.name
    for name in dict.fromkeys([*edits, *(table.keys.get("aliases", ()) if stripped or always else ())]):
        if name != own:
            _add(table, names, name, _variant(table, stripped, always | edits.get(name, {})))
    if not table.keys.get("aliases", True):
        del table.keys["aliases"]
    if (stripped or always or own in edits) and (edited := _variant(table, stripped, always | edits.get(own, {}))):
        name = f"{table.id}:{_ALL}"
        if names.take_alias(name):
            table.variants[_ALL] = edited
            table.to_do.append(
                f"requests for `{table.id}` itself are not edited: clients that need its `filters` send `{name}`"
            )
        table.left_out[f"filters of the id {own}"] = f"requests are edited for variants only: here, for `{name}`"


def _add(table: Table, names: Names, name: str, variant: dict[str, Any]) -> None:
    """Add a variant with a name, which may be an alias so far."""
    aliases = table.keys.get("aliases", [])
    if not variant and name in aliases:
        return
    if name not in aliases and not names.take_alias(name):
        table.left_out[f"name {name}"] = "another model has this name, or it has other characters"
    elif not variant:
        table.keys.setdefault("aliases", []).append(name)
    else:
        prefix = f"{table.id}:"
        key = _OUTSIDE.sub("-", name.removeprefix(prefix)).strip("-._") or _ALL
        while key in table.variants:
            key += "-2"
        if name in aliases:
            aliases.remove(name)
            table.comments["variants", key, "name"] = "was: one of the `aliases`"
        table.variants[key] = ({} if name == f"{prefix}{key}" else {"name": name}) | variant


def _variant(table: Table, stripped: list[str], edits: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a variant. A parameter that is removed and then set is set."""
    found: dict[str, Any] = {"set_params": edits} if edits else {}
    removed = [name for name in stripped if name not in edits and _is_editable(table, f"stripParams {name}", name)]
    return found | ({"strip_params": removed} if removed else {})


def _parameters(table: Table, title: str, written: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the parameters that a variant sets as llama-swap does; the others are left out, with the reason."""
    found = {}
    if written is not None and not isinstance(written, dict):
        table.left_out[f"{title} {shown(written)}".strip()] = "it is not a table of parameters"
    for name, value in _items(written):
        if not _is_editable(table, f"{title}.{name}", str(name)):
            continue
        if is_secret(str(name), value):
            table.left_out[f"{title}.{name}"] = "a secret, which is not copied"
        elif _is_plain(value):
            found[str(name)] = value
        else:
            table.left_out[f"{title}.{name} {shown(value)}".strip()] = "TOML has no such value, or it is not known"
    return found


def _is_editable(table: Table, title: str, name: str) -> bool:
    """Return whether a variant can edit a parameter; say why not. llama-swap never edits `model`."""
    if name in _OF_CLIENTS:
        table.left_out[title] = "a variant does not edit it: it is the client's"
    elif not _FLAT.fullmatch(name):
        table.left_out[title] = "a variant edits keys of the body, not what is in them"
    else:
        return name != "model"
    return False


def _is_plain(value: Any) -> bool:  # noqa: ANN401
    """Return whether TOML has a value, and all of it is known."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return shown(value) == " ".join(value.split())
    return isinstance(value, bool | int | float)


def _names(written: Any) -> list[str]:  # noqa: ANN401
    """Return the parameters of `stripParams`, which are a text with commas between them."""
    listed = written.split(",") if isinstance(written, str) else written if isinstance(written, list) else []
    return [*dict.fromkeys(name for one in listed if isinstance(one, str) and (name := one.strip()))]


def _items(written: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401
    return [*written.items()] if isinstance(written, dict) else []
