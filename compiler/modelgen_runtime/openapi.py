"""The control API as OpenAPI 3.1 describes it; a test holds it against the routes."""

from __future__ import annotations

from typing import Any

from modelgen_runtime import __version__

_STRING, _BOOLEAN = {"type": "string"}, {"type": "boolean"}
_ID = {"name": "id", "in": "path", "required": True, "schema": _STRING, "description": "Any name of a model."}
_PROBLEM = {
    "description": "Why not, as RFC 9457 has it; `log` holds the engine's last lines where they tell more.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {
                    "type": _STRING,
                    "title": _STRING,
                    "status": {"type": "integer"},
                    "detail": _STRING,
                    "log": {"type": "array", "items": _STRING},
                },
            }
        }
    },
}


def _answer(text: str, content_type: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {content_type: {"schema": {}}}}


def _route(summary: str, answers: dict[str, Any], *, errors: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"summary": summary, **more, "responses": {**answers, **dict.fromkeys(errors.split(), _PROBLEM)}}


_SWITCH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "model_id": {**_STRING, "description": "Any name of a model."},
        "profile": {**_STRING, "description": "In its place: a profile, whose models become resident together."},
        "wait": {**_BOOLEAN, "default": True, "description": "Answer when it is ready, or with 202 at once."},
        "dry_run": {**_BOOLEAN, "default": False, "description": "Change nothing; say what would be evicted and why."},
    },
}

_OWNER = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]*$"}
_HOLD = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "lease": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 86_400,
            "description": "Seconds after which the hold ends by itself, unless the same owner holds again before.",
        },
        "owner": {**_OWNER, "description": "Who holds it, for people and for renewals."},
        "wait": {**_BOOLEAN, "default": True, "description": "Answer when it has stopped, or at once."},
    },
}
_RELEASE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"owner": {**_OWNER, "description": "Release this owner's hold alone, not everybody's."}},
}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "modelgen orchestrator", "version": __version__},
    "paths": {
        "/switch": {
            "post": _route(
                "Make a model or a profile resident",
                {"200": _answer("Ready, or the dry run."), "202": _answer("Under way.")},
                errors="400 404 409 503",
                requestBody={"required": True, "content": {"application/json": {"schema": _SWITCH}}},
            )
        },
        "/status": {"get": _route("Cards, models, profiles and the line", {"200": _answer("The state.")})},
        "/models": {"get": _route("All models", {"200": _answer("The models.")})},
        "/models/{id}/stop": {
            "post": _route(
                "Stop a model once its requests have ended; the next request starts it again",
                {"200": _answer("The model.")},
                errors="404 503",
                parameters=[_ID],
            )
        },
        "/models/{id}/hold": {
            "post": _route(
                "Stop a model and do not start it until it is released; its requests wait",
                {"200": _answer("The model.")},
                errors="400 404 503",
                parameters=[_ID],
                requestBody={"content": {"application/json": {"schema": _HOLD}}},
            )
        },
        "/models/{id}/release": {
            "post": _route(
                "Let a held model start again",
                {"200": _answer("The model.")},
                errors="400 404",
                parameters=[_ID],
                requestBody={"content": {"application/json": {"schema": _RELEASE}}},
            )
        },
        "/reload": {
            "post": _route(
                "Read the manifest again; unchanged models are not touched",
                {"200": _answer("Done; `needs_restart` lists the settings that count from the next start on.")},
                errors="400",
            )
        },
        "/logs/{id}": {
            "get": _route(
                "What an engine printed",
                {
                    "200": {
                        "description": "The last lines; with `follow` one Server-Sent Event for each.",
                        "content": {"application/json": {"schema": {}}, "text/event-stream": {"schema": {}}},
                    }
                },
                errors="400 404",
                parameters=[
                    _ID,
                    {"name": "lines", "in": "query", "schema": {"type": "integer", "default": 100, "maximum": 10_000}},
                    {"name": "follow", "in": "query", "schema": {**_BOOLEAN, "default": False}},
                ],
            )
        },
        "/events": {"get": _route("What happens from now on", {"200": _answer("Events.", "text/event-stream")})},
        "/healthz": {"get": _route("Whether it is alive", {"200": _answer("It is.")})},
        "/readyz": {
            "get": _route(
                "Whether all engines serve that ought to", {"200": _answer("Yes."), "503": _answer("Why not.")}
            )
        },
        "/metrics": {"get": _route("Counters for Prometheus", {"200": _answer("The counters.", "text/plain")})},
        "/openapi.json": {"get": _route("This page", {"200": _answer("It.")})},
    },
}
