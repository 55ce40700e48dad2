"""Write errors of the hub as one sentence: the model, the host that answered, and the next step."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING

from modelgen.hub.connection import error_kinds
from modelgen.hub.connection.addresses import site_of
from modelgen.hub.connection.answered import answered, plain, url_of
from modelgen.hub.connection.answers import WrongAnswerError
from modelgen.hub.connection.failures import HubError, Subject
from modelgen.hub.connection.proxies import proxy_for
from modelgen.hub.connection.refusals import AGAIN, proxy_refuses, refusal

if TYPE_CHECKING:
    from modelgen.files import ModelgenError
    from modelgen.hub.connection.client import Connection

# Errors of certificates that a CA file does not fix: not yet valid, expired, for another name.
_NOT_VALID = frozenset({9, 10, 62, 64})


def explain(  # noqa: PLR0913 - what a sentence names
    error: BaseException, connection: Connection, *, model: str, repo: str, what: str = "", commit: str = ""
) -> ModelgenError:
    """Return the error message for a failure of the hub.

    Args:
        error: The client's error.
        connection: The connection.
        model: Id of the model that needs the repository.
        repo: Repository id.
        what: The file or revision.
        commit: The commit in the lock.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__  # the client's own message is about its cache
    answer = answered(error)
    if answer is not None:
        return refusal(error, answer, connection, Subject(model, repo, what), commit)
    return HubError(Subject(model, repo, what), _no_answer(error, url_of(error) or connection.endpoint))


def _no_answer(error: BaseException, url: str) -> str:
    """Return the meaning of an error without a status, and the next step."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    site, proxy = site_of(url), proxy_for(url)
    if isinstance(error, WrongAnswerError):
        return _wrong(error)
    if error_kinds.is_untrusted(error):
        return _certificate(error, site)
    if error_kinds.is_no_tls(error):
        return f"{site} does not speak TLS; write http:// instead of https:// in HF_ENDPOINT"
    if isinstance(error, httpx.TooManyRedirects):
        return f"{site} redirects in a loop; fix HF_ENDPOINT, or report it to the operator of that host"
    if proxy is not None and (tunnel := error_kinds.tunnel_status_of(error)) is not None:
        return proxy_refuses(tunnel, proxy, site)
    if proxy is not None and error_kinds.is_of_way(error):
        return f"{proxy} cannot be used for {site}: {first_line(error)}; fix or unset it"
    if any(isinstance(reason, socket.gaierror) for reason in error_kinds.reasons(error)):
        return (
            f"{site} cannot be reached: this host cannot resolve its name ({first_line(error)}); check HF_ENDPOINT and "
            f"DNS, or set HTTPS_PROXY, then run the command again"
        )
    if any(isinstance(reason, httpx.UnsupportedProtocol) for reason in error_kinds.reasons(error)):
        return (
            f"{site} cannot be used: it is not an HTTP or HTTPS URL; fix HF_ENDPOINT or report this to the operator "
            "of the host that redirects there"
        )
    if error_kinds.is_of_way(error):
        return f"{site} cannot be reached: {first_line(error)}; {AGAIN}"
    if error_kinds.is_transient(error):
        return f"{first_line(error)}; {AGAIN}"
    if "xet" in type(error).__module__ or "CAS" in str(error):
        return f"the transfer through Xet failed: {first_line(error)}; run the command again with HF_HUB_DISABLE_XET=1"
    return f"{first_line(error)}; downloads are kept"


def _wrong(error: WrongAnswerError) -> str:
    site = site_of(error.url)
    if "web page" in error.what:
        return (
            f"{site} answers with {plain(error.what)} instead of data; a login page or a proxy may be in the "
            "way: open that address in a browser, or fix HF_ENDPOINT"
        )
    return f"{site} answers with {plain(error.what)}; set HF_ENDPOINT to the hub, or to a compatible mirror"


def _certificate(error: BaseException, site: str) -> str:
    found = [reason for reason in error_kinds.reasons(error) if isinstance(reason, ssl.SSLCertVerificationError)]
    if found and getattr(found[0], "verify_code", 0) in _NOT_VALID:
        said = plain(str(getattr(found[0], "verify_message", ""))).lower().rstrip(".")
        return f"the certificate of {site} is not valid: {said}; check this host's clock and HF_ENDPOINT"
    return f"the certificate of {site} is not trusted; set SSL_CERT_FILE to the certificate of your CA"


def cause(error: BaseException, url: str) -> str:
    """Return the host and its error; the same text for all files with that error.

    Args:
        error: The error.
        url: The requested address, for errors that do not have it.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    said = first_line(error)
    return said if answered(error) is not None else f"{site_of(url_of(error) or url)}: {said}"


def first_line(error: BaseException) -> str:
    """Return an error's message as one short line, without secrets."""
    answer = answered(error)
    if answer is not None:
        return f"{site_of(answer.url)} answers {answer.status}"
    for reason in error_kinds.reasons(error):
        if isinstance(reason, OSError) and reason.strerror:
            return plain(reason.strerror).lower()
    text = str(error).strip() or type(error).__name__
    first = next((line.strip() for line in text.splitlines() if line.strip()), text)
    return plain(re.sub(r"^\[Errno -?\d+\] ", "", first)).rstrip(".")
