"""Import the official client, after its environment variables are set: it reads them on import."""

from __future__ import annotations

import contextlib
import email.utils
import logging
import os
import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from modelgen.files import ModelgenError
from modelgen.hub.connection.addresses import site_of
from modelgen.hub.connection.error_kinds import is_transient
from modelgen.hub.connection.proxies import check_proxies
from modelgen.hub.connection.settings import check_settings, check_token, without_secrets
from modelgen.locks import is_held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from huggingface_hub import HfApi

T = TypeVar("T")

_SETTINGS = {
    # A repository's folder must be complete by itself: with the shared store its blobs are links out of it.
    "HF_HUB_DISABLE_SHARED_BLOBS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TRIES = 6
"""Number of tries of what may succeed later."""
_LONGEST_WAIT = 60.0
# Maximum seconds to wait at a server's request.
_LONGEST_ASKED = 600.0


# The client's two warnings about a network, with the error and the address.
_INTERRUPTED = re.compile(r"Error while downloading from (\S+?): (.*)")
_THROWN = re.compile(r"(?s)(.*) thrown while requesting \w+ (\S+)")


@dataclass(frozen=True)
class Connection:
    """The connection of this process to the hub.

    Args:
        endpoint: Address, without a slash at its end.
        token: The user's token, or False for none; never printed.
        api: The client.
        origin: The source of the token: `HF_TOKEN`, `--token-file`, or empty for the stored one.
    """

    endpoint: str
    token: str | bool = field(repr=False)
    api: HfApi = field(repr=False)
    origin: str = ""

    @property
    def source(self) -> str:
        """The source of the token, as words after "the token"."""
        return f"from {self.origin}" if self.origin else "that `hf auth login` stored"

    @property
    def renewal(self) -> str:
        """The next step for a token that is not valid."""
        if self.origin == "--token-file":
            return "write a valid token into that file"
        if self.origin:
            return f"set {self.origin} to a valid token, or unset it"
        return "run `hf auth login` again, or set HF_TOKEN"


def connect(token: str | None) -> Connection:
    """Return the connection that the environment describes: HF_ENDPOINT, proxies, certificates, a stored token.

    Args:
        token: Overrides HF_TOKEN and the stored token.

    Raises:
        ModelgenError: HF_HUB_OFFLINE is set, or a setting is invalid.
    """
    os.environ.update(_SETTINGS)
    check_settings()
    check_proxies()
    from huggingface_hub import HfApi, constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise ModelgenError("HF_HUB_OFFLINE is set, but this command needs the hub; unset it")
    secret = check_token(token or get_token()) or False
    endpoint = constants.ENDPOINT
    origin = "--token-file" if token else next((name for name in _VARIABLES if os.environ.get(name)), "")
    return Connection(endpoint, secret, HfApi(endpoint, token=secret, library_name="modelgen"), origin)


class LogForwarder(logging.Handler):
    """Forwards the client's log messages, which would break progress bars and show signed addresses.

    Args:
        say: Called with one sentence at a time.
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
        """Forward one record in one line, without the address of the file, so that equal causes are equal.

        Records about modes are dropped, since `hub.modes` reports the result once; so are announcements of a retry that
        follow another record.
        """
        text = record.getMessage()
        if text.startswith(("Could not set the permissions", "Retrying in ", "Rate limited. ")):
            return
        if (found := _INTERRUPTED.match(text)) is not None:
            text = f"{site_of(found[1])}: {found[2].rstrip('.')}; what arrived is kept, and the rest is requested"
        elif (found := _THROWN.match(text)) is not None:
            text = f"{site_of(found[2])}: {found[1]}; trying again"
        self._say(without_secrets(" ".join(text.split())))


def can_lock(folder: Path) -> bool:
    """Return whether the client can download below a folder: its locks need `flock` and `fchmod`.

    Without `flock` it uses files that stay when it is killed (ENOSYS), or fails (other errors).
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # as it does with all its own

    probe = folder / "client.lock"
    try:
        if is_held(probe) is None:
            return False
        probe.unlink()  # the client also changes modes
        with WeakFileLock(probe):
            return True
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def attempt(call: Callable[[], T], *, on_wait: Callable[[BaseException, float], None] | None = None) -> T:
    """Return the result of `call`; retry temporary errors.

    Raises:
        Exception: The last error of `call`.
    """
    for number in range(TRIES):
        try:
            return call()
        except Exception as error:
            if not is_transient(error) or number == TRIES - 1:
                raise
            wait = pause(error, number)
            if on_wait is not None:
                on_wait(error, wait)
            time.sleep(wait)
    raise AssertionError


def pause(error: BaseException, number: int) -> float:
    """Return the seconds to wait before another try: as the server requests, else doubled each time."""
    response = getattr(error, "response", None)
    headers = getattr(response if response is not None else error, "headers", None)
    asked = _seconds(headers.get("Retry-After", "")) if headers is not None else None
    if asked is not None:
        return min(asked, _LONGEST_ASKED)
    longest: float = min(0.5 * 2**number, _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out


def _seconds(retry_after: str) -> float | None:
    """Return the seconds in a Retry-After header: a number, or a date (RFC 9110)."""
    if re.fullmatch(r"\d{1,9}", retry_after):
        return float(retry_after)
    try:
        at = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(at.timestamp() - time.time(), 0.0)
