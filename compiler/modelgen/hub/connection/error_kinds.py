"""Classify errors of the network and the disk: temporary or permanent, and their origin."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
import urllib.error

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_OVERLOADED = frozenset({408, 429, 503, 504, 524})
_OF_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})
_NO_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "WRONG_VERSION_NUMBER"})


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed later; False for refusals of the hub and errors of the disk."""
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # httpx of 1.x, httpx2 of 2.x

    status = status_of(error)
    if status is not None:
        return is_passing(status)
    if is_untrusted(error) or is_no_tls(error) or isinstance(error, httpx.ProxyError | httpx.UnsupportedProtocol):
        return False
    if any(isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME for reason in reasons(error)):
        return False
    if isinstance(error, LocalEntryNotFoundError):
        return error.__cause__ is not None and is_transient(error.__cause__)
    if isinstance(error, urllib.error.URLError):
        return isinstance(error.reason, OSError)
    if isinstance(error, httpx.TransportError | ConnectionError | TimeoutError | http.client.HTTPException):
        return True
    return is_of_length(error)


def is_of_length(error: BaseException) -> bool:
    """Return whether the client reports that an answer had another length than announced."""
    return type(error) is OSError and "Consistency check failed" in str(error)


def is_overload(error: BaseException) -> bool:
    """Return whether an error indicates an overloaded server."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    status = status_of(error)
    if status is not None:
        return status in _OVERLOADED
    return any(isinstance(reason, httpx.TimeoutException | TimeoutError) for reason in reasons(error))


def is_passing(status: int) -> bool:
    """Return whether a status is temporary."""
    return status in _TRANSIENT


def is_of_way(error: BaseException) -> bool:
    """Return whether there was no answer from the server, because of the network or a proxy."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    found = (httpx.TransportError, ConnectionError, TimeoutError, socket.gaierror, http.client.HTTPException)
    is_met = any(isinstance(reason, found) for reason in reasons(error))
    return is_met or isinstance(error, urllib.error.URLError)


def tunnel_status_of(error: BaseException) -> int | None:
    """Return the status with which a proxy refused a connection; both libraries have it only in the message."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    for reason in reasons(error):
        is_proxy = isinstance(reason, httpx.ProxyError) or "Tunnel connection failed" in str(reason)
        if is_proxy and (found := re.search(r"\b([45]\d\d)\b", str(reason))):
            return int(found[1])
    return None


def reasons(error: BaseException) -> list[BaseException]:
    """Return an error and its causes; urllib keeps them as `reason`."""
    found = []
    for cause in causes(error):
        reason = getattr(cause, "reason", None)
        found += [cause, reason] if isinstance(reason, BaseException) else [cause]
    return found


def is_untrusted(error: BaseException) -> bool:
    """Return whether a certificate caused an error."""
    return any(isinstance(reason, ssl.SSLCertVerificationError) for reason in reasons(error))


def is_no_tls(error: BaseException) -> bool:
    """Return whether the server does not speak TLS, which is permanent for a port."""
    found = [reason for reason in reasons(error) if isinstance(reason, ssl.SSLError)]
    return any(reason.reason in _NO_TLS for reason in found) or any(
        "WRONG_VERSION_NUMBER" in str(c) for c in causes(error)
    )


def status_of(error: BaseException) -> int | None:
    """Return the status of the answer in an error."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and its causes, the outermost first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def is_of_disk(error: BaseException) -> bool:
    """Return whether the disk, not the network, failed: then all other files fail too."""
    return isinstance(error, OSError) and error.errno in _OF_DISK and status_of(error) is None
