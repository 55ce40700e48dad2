"""Refusals of unknown paths with a suggestion. Most result from a wrong base URL of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.engines.admission import RefusedError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

LISTING = "/v1/models"
_MOST_PARTS = 12


def lists_models(path: str) -> bool:
    """Return whether a path lists the models or shows one of them."""
    return path == LISTING or path.startswith(f"{LISTING}/")


def no_such_path(path: str, fields: Mapping[bytes, bytes], routes: Container[str]) -> RefusedError:
    """Return the refusal of a path that is neither a route of a model nor one of this server.

    Args:
        path: The path.
        fields: Headers of the request. `Host` has been checked.
        routes: Paths of all models.
    """
    meant = _meant(path, routes)
    shown = path[:100]
    if meant is not None:
        message = f"there is no {shown} here, but {meant[:100]}; use the base URL {_base_url(meant, fields)}"
    elif path.startswith("/v1/"):
        message = f"no engine here has {shown}"
    else:
        message = "there is no such path; GET /openapi.json lists them"
    return RefusedError(404, "not_found", message)


def _meant(path: str, routes: Container[str]) -> str | None:
    """Return the known path at the end of another one, without the prefix of a wrong base URL."""
    parts = [part for part in path.split("/") if part]
    for start in range(min(len(parts), _MOST_PARTS)):
        end = "/" + "/".join(parts[start:])
        for candidate in (end, f"/v1{end}"):
            if candidate in routes or lists_models(candidate):
                return candidate
    return None


def _base_url(meant: str, fields: Mapping[bytes, bytes]) -> str:
    """Return the base URL for a client. Anthropic's clients add the `/v1` themselves."""
    scheme = "https" if fields.get(b"x-forwarded-proto") == b"https" else "http"
    below = "/v1" if meant.startswith("/v1/") and not meant.startswith("/v1/messages") else ""
    return f"{scheme}://{fields[b'host'].decode('latin-1')}{below}"
