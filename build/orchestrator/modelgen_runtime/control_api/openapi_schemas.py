"""The bodies of the control API in JSON Schema."""

from __future__ import annotations

from typing import Any

from modelgen_runtime.scheduling.standing import State

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
_INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
STRINGS: Schema = {"type": "array", "items": STRING}


def described(schema: Schema, text: str) -> Schema:
    """Return a schema with a description."""
    return {**schema, "description": text}


def or_null(schema: Schema, text: str) -> Schema:
    """Return a schema that admits null, with a description."""
    return {**schema, "type": [schema["type"], "null"], "description": text}


def table(properties: dict[str, Schema], *optional: str) -> Schema:
    """Return the schema of an object. Newer versions may add fields."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def listed(name: str) -> Schema:
    """Return the schema of a list of a component."""
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


EVENT: Schema = table(
    {
        "data": described(STRING, "JSON on one line."),
        "event": described(STRING, "Kind of the event."),
        "id": described(STRING, "Number of the event."),
    },
    "event",
    "id",
)
"""A Server-Sent Event, field by field."""

SWITCH: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "model_id": described(STRING, "Any name of a model."),
        "profile": described(STRING, "A profile, instead of a model; all its models are loaded together."),
        "wait": described({**BOOLEAN, "default": True}, "Answer when it is ready, or with 202 immediately."),
        "dry_run": described(
            {**BOOLEAN, "default": False}, "Change nothing, and return what would be evicted and why."
        ),
    },
    "oneOf": [{"required": ["model_id"]}, {"required": ["profile"]}],
}

_PLACES = described(STRINGS, "Dotted paths of the keys to change in models.toml.")
_VALUES = described(
    {"type": "object", "additionalProperties": _INTEGER}, "What to write at a place, where the output names it."
)
_MEANING = or_null(STRING, "What happened, if it is known.")
_REMEDY = or_null(STRING, "What to change, if it is known.")
_MODELS = described(STRINGS, "Ids of the models.")

_PROBLEM = table(
    {
        "type": described(STRING, "`urn:modelgen:` and the error code."),
        "title": described(STRING, "The status in words."),
        "status": described(_INTEGER, "The status."),
        "detail": described(STRING, "What is wrong, and what to do."),
        "error": described({"type": "object"}, "The same in OpenAI's format."),
        "log": described(STRINGS, "Lines of the engine's log around the cause."),
        "places": _PLACES,
    },
    "log",
    "places",
)
_FAILURE = table(
    {
        "message": described(STRING, "How it ended."),
        "exit_code": or_null(_INTEGER, "Exit code of the engine, if it ended."),
        "name": or_null(STRING, "Identifier of the failure, if it is known."),
        "said": or_null(STRING, "The line of its output that was recognized."),
        "meaning": _MEANING,
        "remedy": _REMEDY,
        "places": _PLACES,
        "values": _VALUES,
        "in_a_row": described(COUNT, "Failures since it was ready."),
        "retry_after": described(NUMBER, "Seconds until a request starts it again."),
        "log": described(STRINGS, "Lines of its output around the cause."),
    }
)
_ENGINE_ERROR = table(
    {
        "status": described(_INTEGER, "Status of the answer."),
        "message": described(STRING, "Message of the last error of its kind."),
        "count": described(COUNT, "Errors of this kind."),
        "ago": described(NUMBER, "Seconds since the last one."),
        "name": or_null(STRING, "Identifier of the error, if it is known."),
        "meaning": _MEANING,
        "remedy": _REMEDY,
        "places": _PLACES,
        "values": _VALUES,
    }
)
_AMOUNT = {**NUMBER, "minimum": 0}
_EXPECTED = table(
    {
        "verdict": described({"enum": ["fits", "tight", "does not fit"]}, "Whether the longest request fits."),
        **dict.fromkeys(("least", "tokens", "most"), described(COUNT, "Tokens: at least, probably, at most.")),
        "requests": described(_AMOUNT, "Requests of the longest length that probably fit at once."),
    }
)
_PRINTED = ("weights", "activations", "cache", "tokens", "requests", "graphs")
_STARTED = table(dict.fromkeys(_PRINTED, or_null(_AMOUNT, "As the engine printed it; memory in bytes of one GPU.")))
_CACHE = table(
    {
        "expected": described({"anyOf": [_EXPECTED, {"type": "null"}]}, "The estimate, if there is one."),
        "engine": described({"anyOf": [_STARTED, {"type": "null"}]}, "What the engine printed at its last good start."),
        "unexpected": described(BOOLEAN, "Whether the engine's tokens are outside the error of the estimate."),
    }
)
_MODEL = table(
    {
        "id": described(STRING, "Its id in models.toml."),
        "names": described(STRINGS, "All names that clients may send as `model`, the id first."),
        "variants": described(STRINGS, "Further names that edit requests."),
        "engine": described(STRING, "Name of its engine."),
        "repo": or_null(STRING, "Repository id of its weights."),
        "state": described({**STRING, "enum": [*map(str, State)]}, "State of its engine."),
        "routes": described(STRINGS, "Paths that are forwarded to it."),
        "wanted": described(BOOLEAN, "Whether it should run."),
        "held": described(BOOLEAN, "Whether it is held, so that it stays stopped."),
        "held_by": or_null(STRING, "Owner of the hold."),
        "held_for": or_null(NUMBER, "Seconds until the hold expires."),
        "running": described(COUNT, "Requests in flight."),
        "waiting": described(COUNT, "Queued requests."),
        "reservations": described({"type": "object", "additionalProperties": COUNT}, "Reserved bytes by GPU."),
        "since": or_null(NUMBER, "Seconds since its start, while it starts."),
        "ready": or_null(NUMBER, "Seconds since it became ready."),
        "idle": or_null(NUMBER, "Seconds since its last request."),
        "last_start": or_null(NUMBER, "Seconds that its last good start took, if this orchestrator has seen one."),
        "kv_cache": described(_CACHE, "Its KV cache: the estimate, and what the engine printed."),
        "stuck": or_null(STRING, "Why it cannot be stopped."),
        "failure": described(
            {"anyOf": [{"$ref": "#/components/schemas/Failure"}, {"type": "null"}]}, "Why it failed last."
        ),
        "errors": described(listed("EngineError"), "Errors that its engine has returned since it became ready."),
    }
)
_MEASURED = table(
    {
        "total": described(COUNT, "Its memory in bytes, as the driver reports it."),
        "free": described(COUNT, "Free bytes."),
        "used": described(COUNT, "All other bytes, with what the driver itself needs."),
        "unreserved": described(COUNT, "Used bytes beyond what loaded models reserve: the driver's, other programs'."),
        "utilization": or_null(_AMOUNT, "Percent of the last moments in which a kernel ran."),
        "temperature": or_null(NUMBER, "Temperature in degrees Celsius."),
        "power": or_null(_AMOUNT, "Power in watts."),
        "age": described(_AMOUNT, "Seconds since it was measured."),
        "stale": described(BOOLEAN, "Whether it is too old to count."),
    }
)
_GPU = table(
    {
        "name": described(STRING, "Its name in models.toml."),
        "memory": described(COUNT, "Its memory in bytes."),
        "limit": described(COUNT, "Bytes that models may reserve together."),
        "reserved": described(COUNT, "Bytes that loaded models reserve."),
        "models": described(STRINGS, "Ids of the models on it."),
        "measured": described({"anyOf": [_MEASURED, {"type": "null"}]}, "What it really holds, with `gpu_stats`."),
    }
)
_PROFILE = table(
    {
        "name": described(STRING, "Its name in models.toml."),
        "models": _MODELS,
        "default": described(BOOLEAN, "Whether it is loaded when the orchestrator starts."),
    }
)
_STATUS = table(
    {
        "project": described(STRING, "Name of the deployment."),
        "driver": described({**STRING, "enum": ["docker", "process"]}, "How engines run."),
        "gpus": described(listed("Gpu"), "All GPUs."),
        "models": described(listed("Model"), "All models."),
        "profiles": described(listed("Profile"), "All profiles."),
        "waiting": described(COUNT, "Queued requests of all models."),
        "queue_limit": described(COUNT, "Most requests that may be queued."),
        "capture": described(COUNT, "Requests and answers that are kept in memory; 0 without `capture`."),
        "resumed": described(BOOLEAN, "Whether the models that ran before were adopted or requested again."),
        "warnings": described(STRINGS, "Problems of the orchestrator itself."),
        "version": described(STRING, "Version of the orchestrator."),
        "uptime": described(_AMOUNT, "Seconds since the orchestrator started."),
        "manifest": described(STRING, "First digits of the SHA-256 of its manifest."),
    }
)
_SWITCHED = table(
    {
        "status": described({"enum": ["ready"]}, "Always `ready`."),
        "models": _MODELS,
        "evicted": described(STRINGS, "Ids of the models that made room."),
        "seconds": described(NUMBER, "How long the switch took."),
    },
    "evicted",
    "seconds",
)
_VICTIM = table(
    {
        "model": described(STRING, "Its id."),
        "running": described(COUNT, "Its requests in flight."),
        "reason": described(STRING, "Which GPU lacks how much memory."),
    }
)
_DRY_RUN = table(
    {
        "dry_run": described({"const": True}, "Always true."),
        "models": _MODELS,
        "start": described(STRINGS, "Ids of the models that would be started."),
        "evict": described(listed("Victim"), "The models that would make room."),
    }
)
_STARTING = table({"status": described({"enum": ["starting"]}, "Always `starting`."), "models": _MODELS})
_REMOVED = table(
    {"id": described(STRING, "Its former id."), "state": described({"const": "removed"}, "Always `removed`.")}
)

COMPONENTS: dict[str, Schema] = {
    "DryRun": described(_DRY_RUN, "What a switch would do."),
    "EngineError": described(_ENGINE_ERROR, "A kind of error that a ready engine returned."),
    "Failure": described(_FAILURE, "Why a model failed."),
    "Gpu": described(_GPU, "A GPU and its reservations."),
    "Model": described(_MODEL, "A model and its state."),
    "Problem": described(_PROBLEM, "An error."),
    "Profile": described(_PROFILE, "Models that are loaded together."),
    "Removed": described(_REMOVED, "A model that was removed from models.toml during the order."),
    "Starting": described(_STARTING, "A switch that has begun."),
    "Status": described(_STATUS, "The whole state."),
    "Switched": described(_SWITCHED, "A completed switch."),
    "Victim": described(_VICTIM, "A model that a switch would evict."),
}
