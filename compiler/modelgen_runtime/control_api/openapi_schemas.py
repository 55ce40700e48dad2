"""The bodies of the control API in JSON Schema."""

from __future__ import annotations

from typing import Any

from modelgen_runtime.scheduling.standing import State

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
STRINGS: Schema = {"type": "array", "items": STRING}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def table(properties: dict[str, Schema], *optional: str) -> Schema:
    """Return the schema of an object. Newer versions may add fields."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def listed(name: str) -> Schema:
    """Return the schema of a list of a component."""
    return {"type": "array", "items": _ref(name)}


EVENT: Schema = table({"data": {**STRING, "description": "JSON."}, "event": STRING, "id": STRING}, "event", "id")
"""A Server-Sent Event, field by field."""

SWITCH: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "model_id": {**STRING, "description": "Any name of a model."},
        "profile": {**STRING, "description": "A profile, instead of a model; all its models are loaded together."},
        "wait": {**BOOLEAN, "default": True, "description": "Answer when it is ready, or with 202 immediately."},
        "dry_run": {
            **BOOLEAN,
            "default": False,
            "description": "Change nothing, and return what would be evicted and why.",
        },
    },
    "oneOf": [{"required": ["model_id"]}, {"required": ["profile"]}],
}

COMPONENTS: dict[str, Schema] = {
    "Problem": table(
        {
            "type": {**STRING, "description": "`urn:modelgen:` and the error code."},
            "title": STRING,
            "status": {"type": "integer"},
            "detail": STRING,
            "error": {"type": "object", "description": "The same in OpenAI's format."},
            "log": {**STRINGS, "description": "Lines of the engine's log around the cause."},
            "places": {**STRINGS, "description": "Dotted paths of the keys to change in models.toml."},
        },
        "log",
        "places",
    ),
    "Failure": table(
        {
            "message": STRING,
            "exit_code": _or_null({"type": "integer"}),
            "name": _or_null({**STRING, "description": "Identifier of the failure, if it is known."}),
            "said": _or_null(STRING),
            "meaning": _or_null(STRING),
            "remedy": _or_null(STRING),
            "places": {**STRINGS, "description": "Dotted paths of the keys to change in models.toml."},
            "in_a_row": _COUNT,
            "retry_after": _NUMBER,
            "log": STRINGS,
        }
    ),
    "EngineError": table(
        {
            "status": {"type": "integer"},
            "message": {**STRING, "description": "Message of the last error of its kind."},
            "count": _COUNT,
            "ago": {**_NUMBER, "description": "Seconds since the last one."},
            "name": _or_null({**STRING, "description": "Identifier of the error, if it is known."}),
            "meaning": _or_null(STRING),
            "remedy": _or_null(STRING),
            "places": {**STRINGS, "description": "Dotted paths of the keys to change in models.toml."},
        }
    ),
    "Model": table(
        {
            "id": STRING,
            "names": STRINGS,
            "engine": STRING,
            "repo": _or_null(STRING),
            "state": {**STRING, "enum": [*map(str, State)]},
            "routes": {**STRINGS, "description": "Paths that are forwarded to it."},
            "wanted": {**BOOLEAN, "description": "Whether it should run."},
            "held": BOOLEAN,
            "held_by": _or_null(STRING),
            "held_for": _or_null({**_NUMBER, "description": "Seconds until the hold expires."}),
            "running": _COUNT,
            "waiting": _COUNT,
            "reservations": {"type": "object", "additionalProperties": _COUNT, "description": "Reserved bytes by GPU."},
            "since": _or_null({**_NUMBER, "description": "Seconds since its start, while it starts."}),
            "ready": _or_null({**_NUMBER, "description": "Seconds since it became ready."}),
            "idle": _or_null({**_NUMBER, "description": "Seconds since its last request."}),
            "stuck": _or_null({**STRING, "description": "Why it cannot be stopped."}),
            "failure": {"anyOf": [_ref("Failure"), {"type": "null"}]},
            "errors": {
                **listed("EngineError"),
                "description": "Errors that its engine has returned since it became ready.",
            },
        }
    ),
    "Removed": table({"id": STRING, "state": {"const": "removed"}}),
    "Gpu": table({"name": STRING, "memory": _COUNT, "limit": _COUNT, "reserved": _COUNT, "models": STRINGS}),
    "Profile": table({"name": STRING, "models": STRINGS, "default": BOOLEAN}),
    "Status": table(
        {
            "project": STRING,
            "driver": {**STRING, "enum": ["docker", "process"]},
            "gpus": listed("Gpu"),
            "models": listed("Model"),
            "profiles": listed("Profile"),
            "waiting": _COUNT,
            "queue_limit": _COUNT,
            "resumed": {
                **BOOLEAN,
                "description": "Whether the models that ran before were adopted or requested again.",
            },
            "warnings": {**STRINGS, "description": "Problems of the orchestrator itself."},
        }
    ),
    "Switched": table(
        {
            "status": {"enum": ["ready"]},
            "models": STRINGS,
            "evicted": STRINGS,
            "seconds": _NUMBER,
        },
        "evicted",
        "seconds",
    ),
    "DryRun": table(
        {
            "dry_run": {"const": True},
            "models": STRINGS,
            "start": STRINGS,
            "evict": {"type": "array", "items": table({"model": STRING, "running": _COUNT, "reason": STRING})},
        }
    ),
    "Starting": table({"status": {"enum": ["starting"]}, "models": STRINGS}),
}
