"""The official client, told what modelgen needs before it is imported: it reads its environment only then."""

from __future__ import annotations

import errno
import http.client
import logging
import os
import random
import re
import ssl
import time
import urllib.error
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from huggingface_hub import HfApi

T = TypeVar("T")

_SETTINGS = {
    # A repository's folder must be whole by itself: with the shared store its blobs are links out of it.
    "HF_HUB_DISABLE_SHARED_BLOBS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_OF_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})
_TRIES = 6
_LONGEST_WAIT = 60.0
_QUERY = re.compile(r"(https?://[^\s'\"?]+)\?[^\s'\"]+")


@dataclass(frozen=True)
class Connection:
    """The hub as this process reaches it.

    Args:
        endpoint: Address, without a slash at its end.
        token: Of the user, or False for none; never printed.
        api: The client.
    """

    endpoint: str
    token: str | bool = field(repr=False)
    api: HfApi = field(repr=False)


def connect(token: str | None) -> Connection:
    """Return the connection that the environment describes: HF_ENDPOINT, proxies, certificates, a stored token.

    Args:
        token: Goes before HF_TOKEN and the stored one.

    Raises:
        ModelgenError: HF_HUB_OFFLINE forbids it.
    """
    os.environ.update(_SETTINGS)
    from huggingface_hub import HfApi, constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise ModelgenError("HF_HUB_OFFLINE is set, so the hub may not be asked; unset it for this command")
    secret = token or get_token() or False
    endpoint = constants.ENDPOINT
    return Connection(endpoint, secret, HfApi(endpoint, token=secret, library_name="modelgen"))


class Overheard(logging.Handler):
    """Hands on what the client would print itself, in the middle of a progress bar and with signed addresses.

    Args:
        say: Told one sentence at a time.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def __enter__(self) -> None:
        logger = logging.getLogger("huggingface_hub")
        self._before, logger.handlers = logger.handlers, [self]

    def __exit__(self, *_: object) -> None:
        logging.getLogger("huggingface_hub").handlers = self._before

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record on."""
        self._say(without_queries(record.getMessage()))


def attempt(call: Callable[[], T], *, on_wait: Callable[[BaseException, float], None] | None = None) -> T:
    """Return what `call` returns, trying again where that can help.

    Raises:
        Exception: Whatever `call` raised last.
    """
    for number in range(_TRIES):
        try:
            return call()
        except Exception as error:
            if not is_transient(error) or number == _TRIES - 1:
                raise
            wait = pause(error, number)
            if on_wait is not None:
                on_wait(error, wait)
            time.sleep(wait)
    raise AssertionError


def pause(error: BaseException, number: int) -> float:
    """Return the seconds to wait before another try: what the server asks for, else twice as long each time."""
    response = getattr(error, "response", None)
    asked = getattr(response if response is not None else error, "headers", None)
    text = asked.get("Retry-After", "") if asked is not None else ""
    if re.fullmatch(r"\d{1,6}", text):
        return min(float(text), _LONGEST_WAIT)
    longest: float = min(0.5 * 2**number, _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: never for what the hub refuses, or what the disk says."""
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # httpx of 1.x, httpx2 of 2.x

    status = status_of(error)
    if status is not None:
        return status in _TRANSIENT
    if is_untrusted(error) or isinstance(error, httpx.ProxyError | httpx.UnsupportedProtocol):
        return False
    if isinstance(error, LocalEntryNotFoundError):
        return error.__cause__ is not None and is_transient(error.__cause__)
    if isinstance(error, urllib.error.URLError):
        return isinstance(error.reason, OSError)
    if isinstance(error, httpx.TransportError | ConnectionError | TimeoutError | http.client.HTTPException):
        return True
    # The client says so when an answer is shorter than the hub announced.
    return type(error) is OSError and "Consistency check failed" in str(error)


def is_untrusted(error: BaseException) -> bool:
    """Tell whether a certificate is at the bottom of an error; urllib keeps it as a reason, others as a cause."""
    reasons = [getattr(cause, "reason", None) for cause in causes(error)]
    return any(isinstance(found, ssl.SSLCertVerificationError) for found in [*causes(error), *reasons])


def status_of(error: BaseException) -> int | None:
    """Return the status of the answer that an error is about."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it came from, the outermost first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def is_of_disk(error: BaseException) -> bool:
    """Tell whether the disk, not the network, is at fault: then all other files fail too."""
    return isinstance(error, OSError) and error.errno in _OF_DISK and status_of(error) is None


def explain(  # noqa: PLR0913 - what a sentence names
    error: BaseException, connection: Connection, *, model: str, repo: str, what: str = "", commit: str = ""
) -> ModelgenError:
    """Return the sentence for a failure of the hub.

    Args:
        error: As the client raised it.
        connection: Through which.
        model: Id of the model that needs the repository.
        repo: Repository id.
        what: The file or revision that it is about.
        commit: Of the lock.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status, hub = status_of(error), connection.endpoint
    about = f"{model}: {repo}"
    token = "your token has no access" if connection.token else "there is no token"
    if isinstance(error, GatedRepoError):
        return ModelgenError(
            f"{about} is gated and {token}; accept its terms at {hub}/{repo} and set HF_TOKEN, or give --token-file"
        )
    if status == 401 and "Invalid credentials" in str(error):
        return ModelgenError(f"{about}: the hub does not know your token; renew HF_TOKEN or the file of --token-file")
    if isinstance(error, RepositoryNotFoundError):
        reason = "" if connection.token else ", or it is private and there is no token"
        return InputError(f"{about} is not at {hub}{reason}; mend `repo` in models.toml, or set HF_TOKEN")
    if isinstance(error, RevisionNotFoundError):
        return InputError(
            f"{about} has no {commit or what} any more; run `modelgen lock --upgrade {model}`, "
            "or mend `revision` in models.toml"
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return InputError(f"{about} has no file {what}; run `modelgen lock --upgrade {model}`")
    if status in (401, 403):
        return ModelgenError(f"{about}: the hub refuses access ({status}); set HF_TOKEN to a token that may read it")
    if is_untrusted(error):
        return ModelgenError(f"the certificate of {hub} is not trusted; set SSL_CERT_FILE to your authority's")
    of = f" ({what})" if what else ""
    return ModelgenError(f"{about}{of}: {first_line(error)}; what is there is kept, run the command again")


def first_line(error: BaseException) -> str:
    """Return an error's first line without the queries of addresses, which may be signed."""
    text = str(error).strip() or type(error).__name__
    if (status := status_of(error)) is not None and isinstance(error, urllib.error.HTTPError):
        return f"the server answers {status} ({error.reason})"
    first = next((line.strip() for line in text.splitlines() if line.strip()), text)
    return without_queries(first).rstrip(".")[:300]


def without_queries(text: str) -> str:
    """Return a text without the queries of addresses, which may be signed."""
    return _QUERY.sub(r"\1?…", text)
