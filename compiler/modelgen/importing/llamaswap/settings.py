"""Import the settings of llama-swap around a model's command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.importing.llamaswap.filters import set_filters
from modelgen.importing.secrets import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.importing.model_names import Names
    from modelgen.importing.tables import Table

_CONSUMED = ("cmd", "env", "macros", "aliases", "ttl", "concurrencyLimit", "filters")
_SHOWN = {"name": "title", "description": "description"}
"""The fields of `/v1/models` → their keys here."""
_WHY = {
    "checkEndpoint": "health checks follow from the engine",
    "cmdStop": "the orchestrator stops containers",
    "proxy": "the orchestrator knows where its engines listen",
    "unlisted": "all models are listed",
    "useModelName": "engines are started with the model's id as their name",
}


def set_settings(table: Table, names: Names) -> None:
    """Set what llama-swap says of a model."""
    settings = table.lifted.server.service.settings
    for alias in _aliases(settings.get("aliases")):
        if names.take_alias(alias):
            table.keys.setdefault("aliases", []).append(alias)
        else:
            table.left_out[f"alias {alias}"] = "another model has this name, or it has other characters"
    ttl, most = settings.get("ttl"), settings.get("concurrencyLimit")
    if isinstance(ttl, int) and ttl > 0:
        table.put("idle_timeout", f"{ttl}s")
    elif ttl is not None and ttl != -1:  # -1 is `globalTTL`
        table.left_out[f"ttl {ttl}"] = "a model without `idle_timeout` stays loaded until others need its GPUs"
    if isinstance(most, int) and most > 0:
        table.put("concurrency", most)
    elif most is not None:
        table.left_out[f"concurrencyLimit {most}"] = "more requests than the engine takes wait"
    for key, value in settings.items():
        if key in ("checkEndpoint", "useModelName") and table.lifted.server.engine.line is None:
            continue  # of `set_program`
        if key in _SHOWN and isinstance(value, str) and shown(value) == value:
            table.put(_SHOWN[key], value)
        elif key not in _CONSUMED:
            table.left_out[f"{key} {shown(value)}".strip()] = _WHY.get(key, "models.toml has no such key")
    set_filters(table, names, settings.get("filters"))


def _aliases(written: Any) -> Iterator[str]:  # noqa: ANN401 - a YAML value
    """Yield the aliases; newer releases write `{id: NAME, …}` too."""
    for alias in written if isinstance(written, list) else ():
        yield str(alias["id"] if isinstance(alias, dict) and "id" in alias else alias)
