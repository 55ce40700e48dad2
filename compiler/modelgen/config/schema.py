"""Generate the JSON Schema of models.toml, for editors."""

from __future__ import annotations

from typing import Any

from modelgen.config import Config
from modelgen.config.compose import ComposeKeys

_NAMED_TABLES = {"gpus", "models", "profiles"}
_ID = "^[A-Za-z0-9][A-Za-z0-9._-]*$"


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). TOML has no null, so the schema has none either."""
    schema: dict[str, Any] = without_null(Config.model_json_schema())
    compose: dict[str, Any] = without_null(ComposeKeys.model_json_schema())
    definitions: dict[str, Any] = schema["$defs"]
    definitions |= compose.pop("$defs", {})
    definitions["ComposeKeys"] = compose
    for name in ("Model", "Defaults", "Orchestrator"):
        table = definitions[name]["properties"]
        table["compose"] = {"$ref": "#/$defs/ComposeKeys", "description": table["compose"]["description"]}
    for name in _NAMED_TABLES:
        schema["properties"][name]["propertyNames"] = {"pattern": _ID}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "models.toml"}


def without_null(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Remove the null type that pydantic generates for `X | None = None`."""
    if isinstance(schema, list):
        return [without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: without_null(value) for key, value in schema.items() if not (key == "default" and value is None)}
    if "anyOf" in kept:
        options = [option for option in kept.pop("anyOf") if option != {"type": "null"}]
        kept = {**options[0], **kept} if len(options) == 1 else {"anyOf": options, **kept}
    return kept
