"""A large file over plain HTTP: resumed where it stopped, hashed on its way, given up only when nothing comes any more.

The official client begins such a file anew in every process and never hashes it (huggingface_hub#4196).
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelgen.files import ModelgenError
from modelgen.hub.answers import WrongAnswerError, title_of
from modelgen.hub.fetching.part import Part

if TYPE_CHECKING:
    import http.client
    import threading
    from collections.abc import Callable
    from pathlib import Path

_TRIES = 6


@dataclass(frozen=True)
class Location:
    """Where a content is.

    Args:
        url: Address, which may be signed and expire.
        authorization: Value of the header of that name, for the hub's own host alone.
    """

    url: str = field(repr=False)
    authorization: str | None = field(repr=False)


@dataclass(frozen=True)
class Content:
    """What is to come: its hash, its size where that is known, and where it grows."""

    sha256: str
    size: int | None
    part: Path


class DamagedError(ModelgenError):
    """What came has another hash than the lock, twice."""


class Opener:
    """Opens addresses through the environment's proxies and certificates; http and https alone, whatever a server says.

    Args:
        agent: Value of the User-Agent header.
        timeout: Seconds without a byte after which a connection counts as dead.
    """

    def __init__(self, agent: str, timeout: float) -> None:
        self._timeout = timeout
        self._director = urllib.request.OpenerDirector()
        self._director.addheaders = [("User-Agent", agent), ("Accept-Encoding", "identity")]
        for handler in (
            urllib.request.ProxyHandler(_proxies()),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._director.add_handler(handler)

    def open(self, location: Location, first: int) -> http.client.HTTPResponse:
        """Return the answer to a request for the bytes from `first` on."""
        request = urllib.request.Request(location.url)  # noqa: S310 - only http and https have a handler
        if location.authorization:
            # Unredirected: it is not sent on to where a redirect leads.
            request.add_unredirected_header("Authorization", location.authorization)
        if first:
            request.add_header("Range", f"bytes={first}-")
        answer: http.client.HTTPResponse = self._director.open(request, timeout=self._timeout)
        if answer.headers.get_content_type() == "text/html":
            with answer:
                raise WrongAnswerError(answer.url, f"a web page{title_of(answer.read(2**16))}")
        return answer


def _proxies() -> dict[str, str]:
    """Return the environment's proxies by scheme, as the official client reads them: ALL_PROXY is for both."""
    found = urllib.request.getproxies()
    every = found.get("all")
    return {**found, **{scheme: every for scheme in ("http", "https") if every and scheme not in found}}


@dataclass(frozen=True)
class Transfer:
    """How to get one content.

    Args:
        opener: Through what.
        locate: Asks where it is; again when a signed address has expired.
        is_transient: Whether an error may pass.
        wait: Waits before another try, given the error and the number of tries without a byte.
        advanced: Told how many bytes came, or were given up.
        damaged: Told when it came whole with a wrong hash.
        stop: Set when the whole fetch ends.
    """

    opener: Opener
    locate: Callable[[], Location]
    is_transient: Callable[[BaseException], bool]
    wait: Callable[[BaseException, int], None]
    advanced: Callable[[int], None]
    damaged: Callable[[], None]
    stop: threading.Event

    def bring(self, content: Content) -> None:
        """Fill `content.part` and sync it; what an earlier run left is kept, unless it turns out wrong.

        Raises:
            DamagedError: The hash was wrong twice.
            OSError: The disk, or the network after all tries.
        """
        for is_last in (False, True):
            with Part(content.part, content.size, self.advanced) as part:
                while not part.is_full:
                    self._extend(part)
                part.sync()
                if part.digest.hex() == content.sha256:
                    return
                part.restart()
            content.part.unlink()
            if not is_last:
                self.damaged()
        raise DamagedError("its content is not what models.lock says")

    def _extend(self, part: Part) -> None:
        """Receive until the part is full, over as many connections as it takes."""
        location, fruitless = self.locate(), 0
        while not part.is_full:
            before = part.have
            try:
                self._receive(part, location)
            except Exception as error:
                fruitless = 0 if part.have > before else fruitless + 1
                is_expired = isinstance(error, urllib.error.HTTPError) and error.code in (401, 403)
                if fruitless >= _TRIES or not (self.is_transient(error) or (is_expired and fruitless < 2)):
                    raise
                self.wait(error, fruitless)
                location = self.locate()

    def _receive(self, part: Part, location: Location) -> None:
        """Take what one answer brings."""
        with self.opener.open(location, part.have) as answer:
            if part.have and not _continues(answer, part.have):
                part.restart()
            if part.size is None:
                part.size = part.have + _length(answer)
            left = answer.length
            while not part.is_full:
                if self.stop.is_set():
                    raise InterruptedError
                count = _read_some(answer, part.room[:left])
                if not count:
                    raise ConnectionResetError("the connection ended early")
                part.take(count)
                left = None if left is None else left - count


def _read_some(answer: http.client.HTTPResponse, room: memoryview) -> int:
    """Take what has come, and wait for no more: that would be lost with the connection."""
    return answer.readinto1(room) if answer.chunked else answer.fp.readinto1(room)


def _length(answer: http.client.HTTPResponse) -> int:
    """Return the size of a body, where the lock does not have it."""
    if answer.length is None:
        raise ModelgenError(f"{urlsplit(answer.url).hostname} does not say how large it is")
    return answer.length


def _continues(answer: http.client.HTTPResponse, first: int) -> bool:
    """Return whether an answer begins where it was asked to: some servers and proxies know no ranges."""
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {first}-")
