"""The control API in OpenAPI 3.1. Tests verify it against the routes and their answers."""

from __future__ import annotations

from typing import Any

from modelgen_runtime import __version__
from modelgen_runtime.control_api.openapi_schemas import (
    BOOLEAN,
    COMPONENTS,
    EVENT,
    STRING,
    STRINGS,
    SWITCH,
    Schema,
    described,
    listed,
    table,
)
from modelgen_runtime.control_api.openapi_usage import (
    NUMBER_PARAMETER,
    REQUESTS,
    REQUESTS_PARAMETERS,
    USAGE,
    USAGE_COMPONENTS,
    USAGE_PARAMETERS,
)

_PROBLEMS = {
    "400": "The body, a parameter or a header is not valid.",
    "401": "The key is missing or unknown.",
    "403": "The key's role, the Host header or the origin of the page is not allowed.",
    "404": "There is no such model, profile or request.",
    "408": "The request did not arrive in time.",
    "409": "The state does not allow it: the model is held or not loaded, a later order replaced this one, or the "
    "request has ended.",
    "413": "The body is too large.",
    "431": "The head of the request is too large.",
    "500": "A bug in modelgen.",
    "502": "The engine did not answer as it should.",
    "503": "The model cannot run now; `Retry-After` says when to try again.",
    "505": "Only HTTP/1.0 and HTTP/1.1 are supported.",
}
ON_ANY_ROUTE = ("400", "401", "403", "408", "413", "431", "500", "505")
"""Refusals before a route is called: by key, Host header, framing or size."""
_ID = {"name": "id", "in": "path", "required": True, "schema": STRING, "description": "Any name of a model."}


def _problem(status: str) -> dict[str, Any]:
    """Return an error; the body has problem details as in RFC 9457."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _PROBLEMS[status], "content": content}


def _answer(text: str, *schemas: str | Schema) -> dict[str, Any]:
    """Return an answer in JSON, of one of these schemas or components."""
    found = [{"$ref": f"#/components/schemas/{one}"} if isinstance(one, str) else one for one in schemas]
    schema = found[0] if len(found) == 1 else {"anyOf": found}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _stream(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"text/event-stream": {"schema": EVENT}}}


def _always(status: str) -> Schema:
    return described({"const": status}, f"Always `{status}`.")


def _state(status: str) -> Schema:
    fields = {
        "status": _always(status),
        "faults": described(STRINGS, "A sentence for each engine that should serve and does not."),
        "warnings": described(STRINGS, "Problems of the orchestrator itself."),
    }
    return table(fields, "faults", "warnings")


def _route(summary: str, answers: dict[str, Any], *, errors: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    problems = {status: _problem(status) for status in (*ON_ANY_ROUTE, *errors.split())}
    return {"summary": summary, **more, "responses": {**problems, **answers}}


def _order(summary: str, *, errors: str, body: Schema | None = None) -> dict[str, Any]:
    """Return the path of an order to one model."""
    more = {} if body is None else {"requestBody": {"content": {"application/json": {"schema": body}}}}
    answers = {"200": _answer("The model after the order.", "Model", "Removed")}
    return {"post": _route(summary, answers, errors=errors, parameters=[_ID], **more)}


_COUNTERS = {"description": "The metrics.", "content": {"text/plain": {"schema": STRING}}}

_LINES = table({"model": described(STRING, "Its id."), "lines": described(STRINGS, "The last lines, the newest last.")})
_OWNER = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
_HOLD = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "lease": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 86_400,
            "description": "Seconds after which the hold expires, unless the same owner renews it.",
        },
        "owner": described(_OWNER, "Owner of the hold, for display and renewals."),
        "wait": described({**BOOLEAN, "default": True}, "Answer when it has stopped, or immediately."),
    },
}
_RELEASE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"owner": described(_OWNER, "Release only this owner's hold, not all holds.")},
}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "modelgen orchestrator",
        "version": __version__,
        "description": "Load, stop and inspect the models of a deployment.",
    },
    "components": {"schemas": {**COMPONENTS, **USAGE_COMPONENTS}},
    "paths": {
        "/switch": {
            "post": _route(
                "Load a model or a profile",
                {"200": _answer("Ready, or the dry run.", "Switched", "DryRun"), "202": _answer("Begun.", "Starting")},
                errors="404 409 503",
                requestBody={"required": True, "content": {"application/json": {"schema": SWITCH}}},
            )
        },
        "/status": {"get": _route("GPUs, models, profiles and the queue", {"200": _answer("The state.", "Status")})},
        "/models": {
            "get": _route(
                "All models",
                {"200": _answer("The models.", table({"models": described(listed("Model"), "All models.")}))},
            )
        },
        "/models/{id}/stop": _order(
            "Unload a model: drain it and stop it; the next request loads it again", errors="404 503"
        ),
        "/models/{id}/hold": _order(
            "Hold a model: stop it and keep it stopped until it is released; its requests wait",
            errors="404 409 503",
            body=_HOLD,
        ),
        "/models/{id}/release": _order("End holds on a model", errors="404", body=_RELEASE),
        "/reload": {
            "post": _route(
                "Read the manifest again; unchanged models are not touched",
                {
                    "200": _answer(
                        "Done.",
                        table(
                            {
                                "status": _always("reloaded"),
                                "models": described(STRINGS, "Ids of all models."),
                                "needs_restart": described(STRINGS, "Settings that apply after a restart."),
                            }
                        ),
                    )
                },
            )
        },
        "/logs/{id}": {
            "get": _route(
                "Output of an engine",
                {
                    "200": {
                        "description": "The last lines; with `follow` one Server-Sent Event for each.",
                        "content": {
                            "application/json": {"schema": _LINES},
                            "text/event-stream": {"schema": EVENT},
                        },
                    }
                },
                errors="404 503",
                parameters=[
                    _ID,
                    {
                        "name": "lines",
                        "in": "query",
                        "description": "How many of the last lines.",
                        "schema": {"type": "integer", "default": 100, "minimum": 0, "maximum": 10_000},
                    },
                    {
                        "name": "follow",
                        "in": "query",
                        "description": "Send further lines as they come, as Server-Sent Events.",
                        "schema": {**BOOLEAN, "default": False},
                    },
                ],
            )
        },
        "/events": {
            "get": _route(
                "Changes of models as they happen",
                {"200": _stream("A stream without end.")},
                parameters=[
                    {
                        "name": "after",
                        "in": "query",
                        "description": "Number of an event: of the last 2,000, the later ones come first, then one of "
                        "the kind `caught_up`. `0` for all of them.",
                        "schema": {"type": "integer", "minimum": 0},
                    }
                ],
            )
        },
        "/healthz": {
            "get": _route(
                "Liveness of the orchestrator", {"200": _answer("Alive.", table({"status": _always("alive")}))}
            )
        },
        "/readyz": {
            "get": _route(
                "Whether all engines serve that should",
                {
                    "200": _answer("Ready.", _state("ready")),
                    "503": _answer("Not ready, with the reasons.", _state("not ready")),
                },
            )
        },
        "/metrics": {"get": _route("Metrics for Prometheus", {"200": _COUNTERS})},
        "/metrics/{id}": {
            "get": _route("Metrics of an engine itself", {"200": _COUNTERS}, errors="404 409 502", parameters=[_ID])
        },
        "/usage": {
            "get": _route(
                "Requests and tokens by day, key, model or variant; of a key of role `user`, its own",
                {"200": _answer("The sums.", USAGE)},
                parameters=USAGE_PARAMETERS,
            )
        },
        "/requests": {
            "get": _route(
                "Requests that run, and the last ones; of a key of role `user`, its own",
                {"200": _answer("The requests.", REQUESTS)},
                parameters=REQUESTS_PARAMETERS,
            )
        },
        "/requests/live": {
            "get": _route(
                "Requests as they begin and end, as events of the kind `request`",
                {"200": _stream("A stream without end.")},
            )
        },
        "/requests/{number}": {
            "get": _route("A request", {"200": _answer("It.", "Request")}, errors="404", parameters=[NUMBER_PARAMETER]),
            "delete": _route(
                "Cancel a request; its client gets the error `request_canceled`",
                {"200": _answer("It, with the outcome.", "Request")},
                errors="404 409",
                parameters=[NUMBER_PARAMETER],
            ),
        },
        "/requests/{number}/capture": {
            "get": _route(
                "A request and its answer as they were, with `capture`",
                {"200": _answer("Both.", "Capture")},
                errors="404",
                parameters=[NUMBER_PARAMETER],
            )
        },
        "/openapi.json": {
            "get": _route(
                "This description",
                {"200": _answer("The description.", table({"openapi": described(STRING, "Version of OpenAPI.")}))},
            )
        },
    },
}
