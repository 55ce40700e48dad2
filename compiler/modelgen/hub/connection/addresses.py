"""Decide which addresses may get the token: only the hub's own host."""

from __future__ import annotations

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def is_same_origin(url: str, hub: str) -> bool:
    """Return whether an address is at the hub's own host: the same origin, or https for an http hub."""
    return _origin(url) in (_origin(hub), _secured(_origin(hub)))


def site_of(url: str) -> str:
    """Return scheme, host and non-default port of an address, the parts that may be printed."""
    scheme, host, port = _origin(url)
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port in (None, _PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", "", None


def _secured(origin: tuple[str, str, int | None]) -> tuple[str, str, int | None]:
    scheme, host, port = origin
    return ("https", host, 443) if (scheme, port) == ("http", 80) else origin
