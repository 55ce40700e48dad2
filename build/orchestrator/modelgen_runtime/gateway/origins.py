"""Pages in browsers: which of them may use which paths, and the CORS headers for their browsers.

Browsers send `Origin` with every request that a page may not make unasked, and `Sec-Fetch-Site` with nearly all. Other
clients send neither, and none of this concerns them. Cookies mean nothing here: a page sends its key in a header, so
`Access-Control-Allow-Credentials` is never sent, and without it `*` exposes all headers of an answer.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from modelgen_runtime.engines.admission import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.gateway.request_head import RequestHead

_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}
_ELSEWHERE = (b"cross-site", b"same-site")
_HEADER_NAMES = re.compile(rb"[\w!#$%&'*+.^`|~, \t-]{1,2000}", re.ASCII)
# Valid entries of `allowed_origins`. Other Origin headers are not displayed.
_WRITABLE = re.compile(r"[a-z][a-z0-9+.-]{0,30}://([a-z0-9._~-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")
_MOST_LOGGED = 100
_LOG = logging.getLogger(__name__)
_VARY = b"Vary: Origin\r\n"
_PREFLIGHT = b"Access-Control-Allow-Methods: GET, HEAD, POST\r\nAccess-Control-Max-Age: 600\r\n"


class Origins:
    """Checks requests of web pages.

    Args:
        allowed: Origins whose pages may use the routes of models.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._logged = set[str]()
        # The compiler refuses invalid origins. `null` in a manifest would admit any sandboxed frame.
        self._allowed = frozenset(_normal(origin.encode()) for origin in allowed if _WRITABLE.fullmatch(origin.lower()))
        self.are_listed = bool(self._allowed)
        """True if answers have CORS headers at all."""

    def check(self, path: str, fields: Mapping[bytes, bytes], *, is_control: bool) -> None:
        """Accept a request, or refuse it because of the page that sends it. Browsers hide refusals, so they are logged.

        Args:
            path: What it asks for.
            fields: Its headers by name in lower case; `Host` has been checked.
            is_control: Whether the path is closed to all pages but this server's own.

        Raises:
            RefusedError: With 403.
        """
        origin = fields.get(b"origin")
        is_ours = origin is None or _is_ours(origin, fields.get(b"host", b""))
        if is_control:
            if is_ours and fields.get(b"sec-fetch-site", b"").lower() not in _ELSEWHERE:
                return
            refusal = _closed(path, origin)
        elif origin is None or is_ours or _normal(origin) in self._allowed:
            return
        else:
            refusal = _not_listed(origin)
        if refusal.message not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(refusal.message)
            _LOG.warning("%s", refusal.message)
        raise refusal

    def lines(self, head: RequestHead) -> bytes:
        """Return the CORS headers for every answer of a model's route, including errors."""
        origin = head.fields.get(b"origin")
        if origin is None or _normal(origin) not in self._allowed:
            return _VARY
        lines = b"Access-Control-Allow-Origin: %b\r\n%b" % (origin, _VARY)
        if not is_preflight(head):
            return lines + b"Access-Control-Expose-Headers: *\r\n"
        lines += _PREFLIGHT
        if _HEADER_NAMES.fullmatch(asked := head.fields.get(b"access-control-request-headers", b"")):
            lines += b"Access-Control-Allow-Headers: %b\r\n" % asked
        if head.fields.get(b"access-control-request-private-network") == b"true":
            lines += b"Access-Control-Allow-Private-Network: true\r\n"
        return lines


def is_preflight(head: RequestHead) -> bool:
    """Return whether a request is a CORS preflight."""
    return head.method == b"OPTIONS" and b"origin" in head.fields and b"access-control-request-method" in head.fields


def _is_ours(origin: bytes, host: bytes) -> bool:
    """Return whether a page was loaded from the address that its request goes to, including the port.

    The scheme may be https too: a reverse proxy passes the Host header on, and ends TLS.
    """
    scheme, _, authority = origin.lower().partition(b"://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and authority.removesuffix(port) == host.lower().removesuffix(port)


def _normal(origin: bytes) -> bytes:
    """Return an origin in the form that browsers send: lower case, without the default port of its scheme."""
    origin = origin.lower()
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(b"://")[0], b"/"))


def _shown(origin: bytes | None) -> str | None:
    text = (origin or b"").decode("latin-1").lower()
    return text if _WRITABLE.fullmatch(text) else None


def _closed(path: str, origin: bytes | None) -> RefusedError:
    who = _shown(origin) or "another site"
    return RefusedError(
        403,
        "origin_not_allowed",
        f"a page of {who} requested {path[:100]}, which is closed to pages of other origins, regardless of "
        "`allowed_origins`",
    )


def _not_listed(origin: bytes) -> RefusedError:
    if origin == b"null":
        message = (
            "pages without an origin (`Origin: null`: a local file or a sandboxed frame) cannot be allowed; serve "
            "the page over HTTP and list its address in `[orchestrator] allowed_origins`"
        )
    elif (shown := _shown(origin)) is not None:
        message = (
            f"pages of {shown} may not use this server; to allow them, write "
            f'`[orchestrator] allowed_origins = ["{shown}"]` in models.toml'
        )
    else:
        message = (
            "a page of another site sent this; `[orchestrator] allowed_origins` in models.toml lists those that may"
        )
    return RefusedError(403, "origin_not_allowed", message)
