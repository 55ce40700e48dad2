"""A large file over plain HTTP: resumed where it stopped, hashed on its way, given up only when nothing comes any more.

The official client begins such a file anew in every process and never hashes it (huggingface_hub#4196).
"""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from modelgen.files import ModelgenError
from modelgen.hub.hashing import Digest

if TYPE_CHECKING:
    import http.client
    import threading
    from collections.abc import Callable
    from pathlib import Path

_BLOCK = 2**20
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
            urllib.request.ProxyHandler(),
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
        return answer


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
            with _Part(content) as part:
                while not part.is_full:
                    self._extend(part)
                part.sync()
                if part.digest.hex() == content.sha256:
                    return
                self.advanced(-part.have)
            content.part.unlink()
            if not is_last:
                self.damaged()
        raise DamagedError("its content is not what models.lock says")

    def _extend(self, part: _Part) -> None:
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

    def _receive(self, part: _Part, location: Location) -> None:
        """Take what one answer brings."""
        with self.opener.open(location, part.have) as answer:
            if part.have and not _continues(answer, part.have):
                self.advanced(-part.have)
                part.restart()
            part.learn_size(answer)
            buffer = memoryview(bytearray(_BLOCK))
            while not part.is_full:
                if self.stop.is_set():
                    raise InterruptedError
                count = answer.readinto(buffer[: part.room])
                if not count:
                    raise ConnectionResetError("the connection ended early")
                part.append(buffer[:count])
                self.advanced(count)


def _continues(answer: http.client.HTTPResponse, first: int) -> bool:
    """Tell whether an answer begins where it was asked to: some servers and proxies know no ranges."""
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {first}-")


class _Part:
    """A file that grows, with the hash of what it holds."""

    def __init__(self, content: Content) -> None:
        self._size = content.size
        self._file = content.part.open("ab", buffering=0)
        self.digest = Digest()
        self.have = os.fstat(self._file.fileno()).st_size
        # Of unknown size, it cannot be told whether anything is missing.
        if content.size is None or self.have > content.size:
            self.restart()
        elif self.have:
            self.digest.add_file(content.part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def is_full(self) -> bool:
        return self._size is not None and self.have >= self._size

    @property
    def room(self) -> int:
        return _BLOCK if self._size is None else self._size - self.have

    def learn_size(self, answer: http.client.HTTPResponse) -> None:
        """Take the size from the answer where the lock does not have it."""
        if self._size is None:
            announced = answer.headers.get("Content-Length", "")
            if not announced.isdecimal():
                raise ModelgenError(f"{urlsplit(answer.url).hostname} does not say how large it is")
            self._size = self.have + int(announced)

    def append(self, data: memoryview) -> None:
        view = data
        while view:
            view = view[self._file.write(view) :]
        self.digest.update(data)
        self.have += len(data)

    def restart(self) -> None:
        self._file.truncate(0)
        self.digest, self.have = Digest(), 0

    def sync(self) -> None:
        os.fsync(self._file.fileno())
