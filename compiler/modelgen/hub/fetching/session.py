"""Hold the settings of one fetch: directory, hub, token, limits, and the receiver of its events."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub import sentences
from modelgen.hub.addresses import is_same_origin
from modelgen.hub.failures import named
from modelgen.hub.fetching.events import Advanced, Noticed, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from modelgen.hub.client import Connection
    from modelgen.hub.fetching.limit import Limit
    from modelgen.hub.fetching.pace import Pace
    from modelgen.hub.layout import Checkout

_LONG_WAIT = 20.0
"""Seconds that only a server asks for; a person wants to know of them, whatever has been told before."""


@dataclass
class Session:
    """What all parts of a fetch share.

    Args:
        hub: The hub directory.
        connection: To the hub.
        report: Told of all that happens.
        stop: Set when the whole fetch ends.
        pace: How fast bytes may come.
        limit: Of files that come through the client at once.
        last_byte: When something came through the client last, by the monotonic clock; while a try waits, its end.
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
        """Watch what happens inside: the native transfer may hang without an error."""
        with self._lock:
            self._in_xet += 1
            self.last_byte = max(self.last_byte, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                self._in_xet -= 1

    def is_stalled(self, patience: float) -> bool:
        """Return whether files come through Xet, and nothing has come for so many seconds."""
        return self._in_xet > 0 and time.monotonic() - self.last_byte > patience

    def count(self, repo: str, name: str, count: int) -> None:
        """Tell of bytes that came, or fewer than none when they must come again."""
        self.last_byte = max(self.last_byte, time.monotonic())
        self.report(Advanced(repo, name, count))

    def noticing(
        self, repo: str, name: str, url: Callable[[], str] | None = None
    ) -> Callable[[BaseException, float], None]:
        """Return what tells of a wait for a file, once for each cause: thousands of files may meet the same.

        Args:
            repo: Repository id.
            name: Path of the file.
            url: Returns the address that was asked, for errors that do not have it.
        """

        def notice(error: BaseException, seconds: float) -> None:
            self.last_byte = max(self.last_byte, time.monotonic() + seconds)
            cause = sentences.cause(error, (url and url()) or self.connection.endpoint)
            with self._lock:
                is_new = (cause, seconds >= _LONG_WAIT) not in self._told
                self._told.add((cause, seconds >= _LONG_WAIT))
            if is_new:
                text = f"{repo}: {name}: {cause}; trying again in {seconds:.1f} s, and whatever else fails so"
                self.report(Noticed(text))

        return notice

    def overheard(self, text: str) -> None:
        """Tell what the official client says, once: it says the same of each file."""
        with self._lock:
            is_new = (text, False) not in self._told
            self._told.add((text, False))
        if is_new:
            self.report(Noticed(text))

    def notice_damage(self, repo: str, name: str) -> None:
        """Tell that a file came with a wrong hash."""
        self.report(Noticed(f"{repo}: {name} came damaged: its hash is wrong; fetching it once more"))

    def is_of_hub(self, url: str) -> bool:
        """Return whether an address is the hub's own, and not a delivery network's."""
        return is_same_origin(url, self.connection.endpoint)


def models_of(checkout: Checkout) -> str:
    """Return who needs a checkout, for sentences."""
    return named(checkout.models, 3) or "models.lock"
