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
from modelgen.hub.addresses import site_of
from modelgen.hub.error_kinds import is_transient
from modelgen.hub.proxies import check_proxies
from modelgen.hub.settings import check_settings, check_token, without_secrets
from modelgen.locks import is_held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TRIES = 6
"""How often something is tried that may succeed later."""
_LONGEST_WAIT = 60.0
# What a server asks for is heeded that far; somebody is waiting.
_LONGEST_ASKED = 600.0


# As the client words its two warnings about a network: what it met, and the address.
_INTERRUPTED = re.compile(r"Error while downloading from (\S+?): (.*)")
_THROWN = re.compile(r"(?s)(.*) thrown while requesting \w+ (\S+)")


@dataclass(frozen=True)
class Connection:
    """The hub as this process reaches it.

    Args:
        endpoint: Address, without a slash at its end.
        token: Of the user, or False for none; never printed.
        api: The client.
        origin: Where the token comes from: `HF_TOKEN`, `--token-file`, or empty for the stored one.
    """

    endpoint: str
    token: str | bool = field(repr=False)
    api: HfApi = field(repr=False)
    origin: str = ""

    @property
    def source(self) -> str:
        """Where the token comes from, as words after it."""
        return f"from {self.origin}" if self.origin else "that `hf auth login` stored"

    @property
    def renewal(self) -> str:
        """What helps against a token that is not valid."""
        if self.origin == "--token-file":
            return "write a valid token into that file"
        if self.origin:
            return f"set {self.origin} to a valid token, or unset it"
        return "run `hf auth login` again, or set HF_TOKEN"


def connect(token: str | None) -> Connection:
    """Return the connection that the environment describes: HF_ENDPOINT, proxies, certificates, a stored token.

    Args:
        token: Goes before HF_TOKEN and the stored one.

    Raises:
        ModelgenError: HF_HUB_OFFLINE forbids it, or a setting cannot be right.
    """
    os.environ.update(_SETTINGS)
    check_settings()
    check_proxies()
    from huggingface_hub import HfApi, constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise ModelgenError("HF_HUB_OFFLINE is set, so the hub may not be asked; unset it for this command")
    secret = check_token(token or get_token()) or False
    endpoint = constants.ENDPOINT
    origin = "--token-file" if token else next((name for name in _VARIABLES if os.environ.get(name)), "")
    return Connection(endpoint, secret, HfApi(endpoint, token=secret, library_name="modelgen"), origin)


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
        """Hand one record on: in one line, without the address of a file, as one cause for all of them.

        Not if it is about modes: what they are in the end, `hub.modes` says once. Nor if it only announces a try that
        follows another record.
        """
        text = record.getMessage()
        if text.startswith(("Could not set the permissions", "Retrying in ", "Rate limited. ")):
            return
        if (found := _INTERRUPTED.match(text)) is not None:
            text = f"{site_of(found[1])}: {found[2].rstrip('.')}; what came is kept, and the rest is asked for"
        elif (found := _THROWN.match(text)) is not None:
            text = f"{site_of(found[2])}: {found[1]}; trying again"
        self._say(without_secrets(" ".join(text.split())))


def can_lock(folder: Path) -> bool:
    """Return whether the client can download below a folder: for its locks it wants `flock`, and `fchmod` with it.

    Without `flock` it may fall back on files that stay when it is killed (ENOSYS), or fail (whatever else).
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # as it does with all its own

    probe = folder / "client.lock"
    try:
        if is_held(probe) is None:
            return False
        probe.unlink()  # it changes the mode of what it makes itself
        with WeakFileLock(probe):
            return True
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def attempt(call: Callable[[], T], *, on_wait: Callable[[BaseException, float], None] | None = None) -> T:
    """Return what `call` returns, trying again where that can help.

    Raises:
        Exception: Whatever `call` raised last.
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
    """Return the seconds to wait before another try: what the server asks for, else twice as long each time."""
    response = getattr(error, "response", None)
    headers = getattr(response if response is not None else error, "headers", None)
    asked = _seconds(headers.get("Retry-After", "")) if headers is not None else None
    if asked is not None:
        return min(asked, _LONGEST_ASKED)
    longest: float = min(0.5 * 2**number, _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out


def _seconds(retry_after: str) -> float | None:
    """Return how long the header asks to wait: a number of seconds, or the time of a day (RFC 9110)."""
    if re.fullmatch(r"\d{1,9}", retry_after):
        return float(retry_after)
    try:
        at = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(at.timestamp() - time.time(), 0.0)
