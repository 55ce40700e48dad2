"""Write docs/reference/http-api.md: the orchestrator's routes, from its OpenAPI document and the tables of engines."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from modelgen.engines import ENGINES
from modelgen_runtime.control_api.openapi import DESCRIPTION, ON_ANY_ROUTE
from modelgen_runtime.gateway.base_address import LISTING
from modelgen_runtime.gateway.front import role_of
from written_pages.markdown import code, joined, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    Schema = dict[str, Any]

_INTRO = f"""\
# HTTP API

The orchestrator serves the models' own routes and a control API on `listen`, by default `http://127.0.0.1:8080`.
`GET /openapi.json` returns the control API in OpenAPI 3.1.

With a [`keys_file`](models-toml.md#orchestratorkeys_file), send a key in `Authorization: Bearer KEY`, `x-api-key: KEY`
or `api-key: KEY`. A key of role `user` may use models, one of role `admin` all routes.

## Routes of the models

`GET {LISTING}` lists the names that the key may use in OpenAI's format, whether their models are loaded or not. Fields
beyond OpenAI's, where they are known: `name` and `description` (from models.toml, see
[`title`](models-toml.md#modelsidtitle)), `context_length` and `max_model_len`, `capabilities` (`chat`, `completion`,
`embedding`, `rerank`, `vision`, `audio`, `tools`, `reasoning`), `root` (the repository), `parent` (the model of a
variant), `state`, and `status.value` (`loaded`, `loading` or `unloaded`, as llama.cpp has it; `status.failed` after a
failure).

The others take `POST`; `model` in the body names the model, which is loaded if it is not. Bodies are passed on
unchanged, so their reference is the engine's; only [variants](../guides/variants.md) edit them. A body without `model`
goes to the only model that has the route.

"""
_CONTROL = """\
## Control API

```sh
curl -s localhost:8080/status
curl -s localhost:8080/switch -H 'Content-Type: application/json' \\
  -d '{"model_id": "text-4b"}'
```

"""
_ERRORS = """\
## Errors

Errors of the control API are [Problem](#problem) objects. Each route may answer with these statuses, and with those
that it lists itself. [HTTP errors](../operations.md#http-errors) has the error codes, and what to do for each.

"""


def write() -> str:
    """Return the page."""
    parts = [mark("the orchestrator's OpenAPI document and the tables of engines"), _INTRO, *_forwarded()]
    parts.append(_CONTROL)
    for path, verbs in DESCRIPTION["paths"].items():
        for verb, route in verbs.items():
            parts += _route(verb.upper(), path, route)
    parts.append(_ERRORS)
    first = DESCRIPTION["paths"]["/status"]["get"]["responses"]
    parts += [f"- {status}: {first[status]['description']}\n" for status in ON_ANY_ROUTE]
    parts.append("\n## Objects\n\nNewer releases may add fields.\n\n")
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        parts.append(f"### {name}\n\n{schema['description']}\n\n")
        parts += [*_fields(schema), "\n"]
    return "".join(parts).rstrip("\n") + "\n"


def _forwarded() -> Iterator[str]:
    """Yield the routes of the models, with the engines that serve them."""
    serving = defaultdict(list)
    for engine in ENGINES.values():
        for route in engine.routes:
            serving[route].append(engine)
    for route, engines in serving.items():
        links = [f"[{engine.name}](../engines/{engine.name}.md)" for engine in engines]
        yield f"- {code(route)}: {'all engines' if len(engines) == len(ENGINES) else ', '.join(links)}\n"
    yield "\n"


def _route(verb: str, path: str, route: Schema) -> Iterator[str]:
    yield f"### {code(f'{verb} {path}')}\n\n{route['summary']}."
    role = role_of(path)
    yield " No key is needed.\n\n" if role is None else f" Role: {code(role)}.\n\n"
    if parameters := route.get("parameters"):
        yield "Parameters:\n\n"
        yield from (_field(one["name"], one["schema"], one["description"], one.get("required")) for one in parameters)
        yield "\n"
    if body := route.get("requestBody"):
        yield f"Body (JSON{'' if body.get('required') else ', may be empty'}):\n\n"
        yield from _fields(body["content"]["application/json"]["schema"])
        yield "\n"
    yield "Answers:\n\n"
    for status, answer in sorted(route["responses"].items()):
        if status not in ON_ANY_ROUTE:
            yield from _answer(status, answer)
    yield "\n"


def _answer(status: str, answer: Schema) -> Iterator[str]:
    kinds = {kind: content["schema"] for kind, content in answer["content"].items() if "problem" not in kind}
    named = [
        _linked(option) for schema in kinds.values() for option in schema.get("anyOf", [schema]) if "$ref" in option
    ]
    named += [code(kind) for kind in kinds if kind != "application/json" and len(kinds) == 1]
    yield f"- {status}: {answer['description']}" + (f" {joined(named, 'or')}.\n" if named else "\n")
    for kind, schema in kinds.items():
        lines = [*_fields(schema)]
        if len(kinds) > 1:
            yield f"    - as {code(kind)}:\n"
            lines = [f"    {line}" for line in lines]
        yield from (f"    {line}" for line in lines)


def _fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield _field(name, field, field["description"], name in required)


def _field(name: str, schema: Schema, text: str, required: bool | None) -> str:  # noqa: FBT001 - as OpenAPI has it
    default = f" Default: {code(str(schema['default']).lower())}." if "default" in schema else ""
    optional = "" if required or default else ", optional"
    return f"- {code(name)} ({_type(schema)}{optional}): {text}{default}\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _linked(schema)
    if "anyOf" in schema:
        return joined(map(_type, schema["anyOf"]), "or")
    if "const" in schema:
        return code(str(schema["const"]).lower())
    if "enum" in schema:
        return joined(["null" if one is None else code(one) for one in schema["enum"]], "or")
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    text = joined(kinds, "or")
    if "items" in schema:
        return f"{text} of {_type(schema['items'])}"
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    found = [
        f"{word} {schema[bound]:,}"
        for bound, word in bounds.items()
        if schema.get(bound) or (bound == "exclusiveMinimum" and bound in schema)
    ]
    return f"{text} {' and '.join(found)}" if found else text


def _linked(schema: Schema) -> str:
    name = schema["$ref"].rpartition("/")[2]
    return f"[{name}](#{name.lower()})"
