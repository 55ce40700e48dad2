"""Errors in the format of each API: OpenAI's, Anthropic's, else problem details (RFC 9457)."""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING, Any

from modelgen_runtime.http.handler import Response

if TYPE_CHECKING:
    from modelgen_runtime.engines.admission import RefusedError

_MOST_TEXT = 4_000
_OPENAI_KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}
_ANTHROPIC_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def refuse(path: str, refusal: RefusedError, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return the response that refuses a request for a path."""
    if path.startswith("/v1/messages"):
        body: dict[str, Any] = _as_anthropic(refusal)
    elif path.startswith("/v1/"):
        body = {"error": openai_error(refusal)}
    else:
        return problem_response(refusal, headers)
    return Response(refusal.status, _encode(body) + b"\n", headers=_with_more(refusal, headers))


def error_event(path: str, refusal: RefusedError) -> bytes:
    """Return the Server-Sent Event that ends a broken stream, in the format of the path's API.

    The official clients raise an error with its message; of a stream that just ends they say that the peer closed the
    connection, or nothing at all.
    """
    if path.startswith("/v1/messages"):
        return _event(_as_anthropic(refusal), "error")
    error = openai_error(refusal)
    if path.startswith("/v1/responses"):
        # `error` is not documented, but the official Python client raises only for events that have it.
        content = {
            "type": "error",
            "code": refusal.kind,
            "message": refusal.message,
            "param": None,
            "sequence_number": 0,
        }
        return _event(content | {"error": error}, "error")
    return _event({"error": error})


def engine_error_event(path: str, status: int, body: bytes) -> bytes:
    """Return the event that forwards an engine's error to a client whose stream has begun."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or "error" not in content:
        text = body.decode(errors="replace")[:_MOST_TEXT].strip()
        error = {"message": text or f"the engine answered {status}", "type": "server_error", "code": status}
        content = {"error": error}
    is_named = path.startswith(("/v1/messages", "/v1/responses"))
    return _event({"type": "error", **content} if is_named else content, "error" if is_named else None)


def _event(data: object, name: str | None = None) -> bytes:
    return (b"event: %b\n" % name.encode() if name else b"") + b"data: %b\n\n" % _encode(data)


def problem_response(refusal: RefusedError, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return the response as problem details.

    OpenAI's clients get here by a wrong base address, and show nothing of an answer but what is below `error`.
    """
    body: dict[str, Any] = {
        "type": f"urn:modelgen:{refusal.kind}",
        "title": http.HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.message,
        "error": _openai_error(refusal),
        **_causes(refusal),
    }
    return Response(refusal.status, _encode(body) + b"\n", "application/problem+json", _with_more(refusal, headers))


def openai_error(refusal: RefusedError) -> dict[str, Any]:
    """Return the `error` object that OpenAI's clients read, with the log."""
    return {**_openai_error(refusal), **_causes(refusal)}


def _causes(refusal: RefusedError) -> dict[str, list[str]]:
    """Return the log and the places in models.toml, where there are any."""
    causes = {"log": [*refusal.log], "places": [*refusal.places]}
    return {name: lines for name, lines in causes.items() if lines}


def _openai_error(refusal: RefusedError) -> dict[str, Any]:
    kind = _OPENAI_KINDS.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "server_error")
    return {"message": refusal.message, "type": kind, "param": None, "code": refusal.kind}


def _as_anthropic(refusal: RefusedError) -> dict[str, Any]:
    kind = _ANTHROPIC_KINDS.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": refusal.message}}


def _with_more(refusal: RefusedError, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if refusal.retry_after is not None:
        headers = (*headers, ("Retry-After", str(refusal.retry_after)))
    if refusal.allow is not None:
        headers = (*headers, ("Allow", refusal.allow))
    return headers


def _encode(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")
