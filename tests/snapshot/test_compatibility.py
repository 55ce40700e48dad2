"""The interfaces of docs/compatibility.md, as one snapshot each: a line that changes or goes is a broken promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.cli import exits
from modelgen.cli.configuration.manual import load_rules
from modelgen.config.schema import json_schema
from modelgen.config.tables import FORMAT
from modelgen.diagnostics import Diagnostic, Severity, json
from modelgen.lockfile import entries
from modelgen.source import Span
from modelgen_runtime.control_api.openapi import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syrupy.assertion import SnapshotAssertion


def keys(schema: dict[str, Any], table: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the key paths of a schema, with `*` for names that the user chooses."""
    for name, value in table.get("properties", {}).items():
        yield f"{path}{name}"
        yield from nested(schema, value, f"{path}{name}.")
    if isinstance(rest := table.get("additionalProperties"), dict):
        yield from nested(schema, rest, f"{path}*.")


def nested(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    for form in [value, *value.get("anyOf", [])]:
        target = form.get("$ref", "").rpartition("/")[2]
        yield from keys(schema, schema["$defs"][target] if target else form, path)


def test_keys_of_models_toml(snapshot: SnapshotAssertion) -> None:
    schema = json_schema()
    assert "\n".join(dict.fromkeys(keys(schema, schema))) == snapshot


def typed(schema: dict[str, Any], table: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the key paths of a schema with their types."""
    forms = [schema["$defs"].get(form.get("$ref", "").rpartition("/")[2], form) for form in table.get("anyOf", [table])]
    yield f"{path}: {' or '.join(form['type'] for form in forms)}"
    for form in forms:
        for name, value in form.get("properties", {}).items():
            yield from typed(schema, value, f"{path}.{name}".removeprefix("."))
        if isinstance(items := form.get("items", form.get("additionalProperties")), dict):
            yield from typed(schema, items, f"{path}[]" if "items" in form else f"{path}.*")


def test_keys_of_models_lock(snapshot: SnapshotAssertion) -> None:
    schema = entries.Lock.model_json_schema()
    assert "\n".join([*typed(schema, schema)][1:]) == snapshot


def test_codes_and_names_of_rules(snapshot: SnapshotAssertion) -> None:
    rules = load_rules()
    assert len({rule.code for rule in rules}) == len(rules)
    assert "\n".join(f"{rule.code} {rule.name}{' *' if rule.advisory else ''}" for rule in rules) == snapshot


def test_exit_codes_and_formats(snapshot: SnapshotAssertion) -> None:
    codes = {name: value for name, value in vars(exits).items() if name.isupper() and type(value) is int}
    assert {"exit codes": codes, "models.toml": FORMAT, "models.lock": entries.FORMAT} == snapshot


def test_findings_as_json(snapshot: SnapshotAssertion) -> None:
    span = Span("models.toml", 1, 2, 3, 4)
    found = Diagnostic("MG001", "syntax-error", Severity.ERROR, "message", "help", span)
    assert json.render([found]) == snapshot


def test_routes_and_fields_of_the_http_api(snapshot: SnapshotAssertion) -> None:
    routes = [f"{method.upper()} {path}" for path, item in DESCRIPTION["paths"].items() for method in item]
    tables = DESCRIPTION["components"]["schemas"].items()
    names = [f"{name}.{field}" for name, table in tables for field in table.get("properties", {})]
    assert "\n".join([*routes, "", *names]) == snapshot
