"""The routes about requests in OpenAPI, and their bodies in JSON Schema."""

from __future__ import annotations

from modelgen_runtime.control_api.openapi_schemas import (
    BOOLEAN,
    COUNT,
    NUMBER,
    STRING,
    STRINGS,
    Schema,
    described,
    listed,
    or_null,
    table,
)
from modelgen_runtime.control_api.usage_routes import GROUPS
from modelgen_runtime.usage.captures import MOST_BODY
from modelgen_runtime.usage.journal import LAST
from modelgen_runtime.usage.record import Outcome
from modelgen_runtime.usage.totals import DAYS

_GROUP = "|".join(GROUPS)
_RECORD = table(
    {
        "id": described(COUNT, "Number of the request since the start of the orchestrator."),
        "time": described(NUMBER, "When it came, in seconds since 1970."),
        "model": described(STRING, "Id of its model."),
        "variant": or_null(STRING, "Name of the variant."),
        "route": described(STRING, "Its path."),
        "key": or_null(STRING, "Name of its key; null without keys."),
        "stream": described(BOOLEAN, "Whether the answer is a stream of events; false until it begins."),
        "state": described({"enum": ["waiting", "running", "ended"]}, "Its state; `waiting` before an engine took it."),
        "outcome": described({"enum": [*Outcome, None]}, "How it ended; null while it runs."),
        "status": or_null(COUNT, "HTTP status of the answer; null before it."),
        "queue_seconds": described(NUMBER, "How long it waited, without `load_seconds`."),
        "load_seconds": described(NUMBER, "How long it waited for a start of its model."),
        "first_byte_seconds": or_null(NUMBER, "Seconds until the first byte of the engine's answer."),
        "seconds": described(NUMBER, "How long it took, or has taken until now."),
        "prompt_tokens": or_null(COUNT, "Tokens of the request; null if the engine did not report them."),
        "cached_tokens": or_null(COUNT, "Tokens of the request that were in the engine's cache."),
        "completion_tokens": or_null(COUNT, "Tokens of the answer."),
        "tokens_per_second": or_null(NUMBER, "Tokens of the answer per second: of a stream from its first byte."),
        "received_bytes": described(COUNT, "Bytes of the body."),
        "sent_bytes": described(COUNT, "Bytes of the answer's body."),
    }
)
_TOTAL = table(
    {
        "day": described(STRING, "Day in UTC, such as 2026-11-30."),
        "key": or_null(STRING, "Name of the key; null without keys."),
        "model": or_null(STRING, "Id of the model."),
        "variant": or_null(STRING, "Name of the variant; null for the model itself."),
        "requests": described(COUNT, "Requests that have ended."),
        "unknown": described(COUNT, "Requests of these whose tokens are unknown."),
        "prompt_tokens": described(COUNT, "Tokens of requests."),
        "cached_tokens": described(COUNT, "Tokens of requests that were in an engine's cache."),
        "completion_tokens": described(COUNT, "Tokens of answers."),
    },
    *GROUPS,
)
_MESSAGE = table(
    {
        "headers": described(STRINGS, "Its headers; secrets are masked."),
        "body": described(STRING, f"The first {MOST_BODY // 1024} KiB of its body; secrets are masked."),
        "bytes": described(COUNT, "Size of its body."),
        "cut": described(BOOLEAN, "Whether `body` is only a part of it."),
    }
)
_CAPTURE = table(
    {
        "id": described(COUNT, "Number of the request."),
        "request": described({"$ref": "#/components/schemas/Message"}, "What the client sent."),
        "answer": described({"$ref": "#/components/schemas/Message"}, "What the client got, as far as it was sent."),
    }
)
USAGE_COMPONENTS: dict[str, Schema] = {
    "Capture": described(_CAPTURE, "A request and its answer, with `capture`."),
    "Message": described(_MESSAGE, "A request or an answer."),
    "Request": described(_RECORD, "A request for a model."),
    "Total": described(_TOTAL, "The sum of requests that have the same day, key, model or variant."),
}
USAGE = table(
    {
        "by": described({"type": "array", "items": {"enum": [*GROUPS]}}, "The fields that each row has."),
        "days": described(COUNT, "Days that are counted, today included."),
        "rows": described(listed("Total"), "The sums."),
    }
)
REQUESTS = table(
    {
        "running": described(listed("Request"), "Requests that have not ended, the oldest first."),
        "ended": described(listed("Request"), "The last ones that have, the newest first."),
    }
)
USAGE_PARAMETERS = [
    {
        "name": "by",
        "in": "query",
        "description": f"Some of {', '.join(f'`{group}`' for group in GROUPS)}, with commas between them.",
        "schema": {"type": "string", "default": "model", "pattern": f"^({_GROUP})(,({_GROUP}))*$"},
    },
    {
        "name": "days",
        "in": "query",
        "description": "How many days, today included.",
        "schema": {"type": "integer", "default": 30, "minimum": 1, "maximum": DAYS},
    },
]
REQUESTS_PARAMETERS = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many requests that have ended.",
        "schema": {"type": "integer", "default": 100, "minimum": 0, "maximum": LAST},
    },
    *(
        {"name": name, "in": "query", "description": f"Only requests of this {name}.", "schema": STRING}
        for name in ("model", "variant", "key")
    ),
]
NUMBER_PARAMETER = {
    "name": "number",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**15 - 1},
    "description": "Its `id`.",
}
