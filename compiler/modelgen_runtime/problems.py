"""Errors in the shape that each caller reads: OpenAI's, Anthropic's, else RFC 9457's problem JSON."""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING, Any

from modelgen_runtime.handler import Response

if TYPE_CHECKING:
    from modelgen_runtime.gate import RefusedError

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
    """Return the answer that refuses a request for a path."""
    if path.startswith("/v1/messages"):
        body: dict[str, Any] = _as_anthropic(refusal)
    elif path.startswith("/v1/"):
        body = {"error": openai_error(refusal)}
    else:
        return problem_response(refusal, headers)
    return Response(refusal.status, _encode(body), headers=_with_more(refusal, headers))


def problem_response(refusal: RefusedError, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return the same as problem JSON."""
    body: dict[str, Any] = {
        "type": f"urn:modelgen:{refusal.kind}",
        "title": http.HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.message,
    }
    if refusal.log:
        body["log"] = [*refusal.log]
    if refusal.places:
        body["places"] = [*refusal.places]
    return Response(refusal.status, _encode(body), "application/problem+json", _with_more(refusal, headers))


def openai_error(refusal: RefusedError) -> dict[str, Any]:
    """Return what OpenAI's clients look for below `error`."""
    kind = _OPENAI_KINDS.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "server_error")
    error: dict[str, Any] = {"message": refusal.message, "type": kind, "param": None, "code": refusal.kind}
    if refusal.log:
        error["log"] = [*refusal.log]
    if refusal.places:
        error["places"] = [*refusal.places]
    return error


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
