"""One fetch: where to, from where, and what it tells on its way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelgen.hub import sentences
from modelgen.hub.fetching.events import Advanced, Noticed, Report

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from modelgen.hub.client import Connection
    from modelgen.hub.fetching.pace import Pace
    from modelgen.hub.layout import Checkout


@dataclass
class Session:
    """What all parts of a fetch share.

    Args:
        hub: The hub directory.
        connection: To the hub.
        report: Told of all that happens.
        stop: Set when the whole fetch ends.
        pace: How fast bytes may come.
        last_byte: When something came through the client last, by the monotonic clock.
    """

    hub: Path
    connection: Connection
    report: Report
    stop: threading.Event
    pace: Pace
    last_byte: float = field(default_factory=time.monotonic)

    def count(self, repo: str, name: str, count: int) -> None:
        """Tell of bytes that came, or fewer than none when they must come again."""
        self.last_byte = time.monotonic()
        self.report(Advanced(repo, name, count))

    def noticing(self, repo: str, name: str) -> Callable[[BaseException, float], None]:
        """Return what tells of a wait for a file."""

        def notice(error: BaseException, seconds: float) -> None:
            text = f"{repo}: {name}: {sentences.first_line(error)}; trying again in {seconds:.1f} s"
            self.report(Noticed(text))

        return notice

    def notice_damage(self, repo: str, name: str) -> None:
        """Tell that a file came with a wrong hash."""
        self.report(Noticed(f"{repo}: {name} came damaged: its hash is wrong; fetching it once more"))

    def is_of_hub(self, url: str) -> bool:
        """Return whether an address is the hub's own, and not a delivery network's."""
        return _origin(url) == _origin(self.connection.endpoint)


def models_of(checkout: Checkout) -> str:
    """Return who needs a checkout, for sentences."""
    return ", ".join(checkout.models) or "models.lock"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(parts.scheme)
