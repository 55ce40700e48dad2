"""Hold the settings of one fetch: directory, hub, token, limits, and the receiver of its events."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub.connection import sentences
from modelgen.hub.connection.addresses import is_same_origin
from modelgen.hub.connection.failures import named
from modelgen.hub.fetching.events import Advanced, Noticed, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.connection.client import Connection
    from modelgen.hub.fetching.limit import Limit
    from modelgen.hub.fetching.ranges.pace import Pace

_LONG_WAIT = 20.0
"""Waits of this many seconds, which only servers request, are always reported."""


@dataclass
class Session:
    """The state that all parts of a fetch share.

    Args:
        hub: The hub directory.
        connection: The connection to the hub.
        report: Called with each event.
        stop: Set when the whole fetch ends.
        pace: Limits the rate.
        limit: Limits the concurrent downloads through the client.
        last_byte: When the client last received data, by the monotonic clock; while a try waits, the end of the wait.
        is_bare: Whether the hub's answers lack the headers that the client needs.
    """

    hub: Path
    connection: Connection
    report: Report
    stop: threading.Event
    pace: Pace
    limit: Limit
    last_byte: float = field(default_factory=time.monotonic)
    is_bare: bool = False
    _in_xet: int = 0
    _told: set[tuple[str, bool]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def through_xet(self) -> Iterator[None]:
        """Watch the block, since the native transfer may hang without an error."""
        with self._lock:
            self._in_xet += 1
            self.last_byte = max(self.last_byte, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                self._in_xet -= 1

    def is_stalled(self, patience: float) -> bool:
        """Return whether a Xet transfer has received nothing for so many seconds."""
        return self._in_xet > 0 and time.monotonic() - self.last_byte > patience

    def count(self, repo: str, name: str, count: int) -> None:
        """Report bytes that arrived, or a negative number if they must be downloaded again."""
        self.last_byte = max(self.last_byte, time.monotonic())
        self.report(Advanced(repo, name, count))

    def noticing(
        self, repo: str, name: str, url: Callable[[], str] | None = None
    ) -> Callable[[BaseException, float], None]:
        """Return a function that reports waits for a file, once per cause, since thousands may have the same.

        Args:
            repo: Repository id.
            name: Path of the file.
            url: Returns the requested address, for errors that do not have it.
        """

        def notice(error: BaseException, seconds: float) -> None:
            self.last_byte = max(self.last_byte, time.monotonic() + seconds)
            cause = sentences.cause(error, (url and url()) or self.connection.endpoint)
            with self._lock:
                is_new = (cause, seconds >= _LONG_WAIT) not in self._told
                self._told.add((cause, seconds >= _LONG_WAIT))
            if is_new:
                text = f"{repo}: {name}: {cause}; trying again in {seconds:.1f} s, also for other files with this error"
                self.report(Noticed(text))

        return notice

    def forward_log(self, text: str) -> None:
        """Report a message of the official client once, since it repeats for each file."""
        with self._lock:
            is_new = (text, False) not in self._told
            self._told.add((text, False))
        if is_new:
            self.report(Noticed(text))

    def notice_damage(self, repo: str, name: str) -> None:
        """Report that a file arrived with a wrong hash."""
        self.report(Noticed(f"{repo}: {name} arrived damaged: its hash is wrong; fetching it again"))

    def is_of_hub(self, url: str) -> bool:
        """Return whether an address is the hub's own, and not a delivery network's."""
        return is_same_origin(url, self.connection.endpoint)


def models_of(checkout: Checkout) -> str:
    """Return the models that need a checkout, for messages."""
    return named(checkout.models, 3) or "models.lock"
