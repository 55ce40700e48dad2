"""One request: where it went, how long each part took, and how it ended."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Outcome(StrEnum):
    """The end of a request."""

    DONE = "done"
    """The engine answered, also with an error."""
    REFUSED = "refused"
    """The orchestrator answered with an error."""
    CLIENT_LEFT = "client_left"
    ENGINE_DIED = "engine_died"
    DRAINED = "drained"
    """The engine was stopped before the answer was complete."""
    CANCELED = "canceled"
    """It was canceled (`DELETE /requests/ID`)."""


class Tokens(NamedTuple):
    """Tokens as an engine reports them; None where it does not.

    Args:
        prompt: Tokens of the request, including those that were cached.
        cached: Tokens of the request that were in the engine's cache.
        completion: Tokens of the answer.
    """

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None


UNKNOWN = Tokens()


class Record:
    """A request. Times are of the event loop's clock, in seconds; None for what has not happened.

    Args:
        model: Id of the model.
        variant: Name of the variant, or None.
        route: Path of the request.
        key: Name of the API key, or None without keys.
        now: Time of its arrival.
        cancel: Ends it.
    """

    # Defaults are of the class, not set for each request, for their time.
    id = 0
    started: float | None = None
    """When an engine took it."""
    first_byte: float | None = None
    ended: float | None = None
    load = 0.0
    """Seconds of its wait in which its model was starting."""
    is_stream = False
    status = received = sent = 0
    outcome: Outcome | None = None
    tokens = UNKNOWN

    def __init__(  # noqa: PLR0913, PLR0917 - made for each request: no keywords, for their time
        self, model: str, variant: str | None, route: str, key: str | None, now: float, cancel: Callable[[], None]
    ) -> None:
        self.model, self.variant, self.route, self.key, self.arrived = model, variant, route, key, now
        self.cancel = cancel
        self.began = time.time()

    @property
    def wait(self) -> float | None:
        """Seconds from its arrival until an engine took it."""
        return None if self.started is None else self.started - self.arrived

    def show(self, now: float) -> dict[str, Any]:
        """Return it as JSON; seconds of a part that has not ended are those until `now`."""
        end = now if self.ended is None else self.ended
        waited = (end if self.started is None else self.started) - self.arrived
        first = None if self.first_byte is None else round(self.first_byte - self.arrived, 4)
        return {
            "id": self.id,
            "time": round(self.began, 3),
            "model": self.model,
            "variant": self.variant,
            "route": self.route,
            "key": self.key,
            "stream": self.is_stream,
            "state": "ended" if self.ended is not None else "waiting" if self.started is None else "running",
            "outcome": self.outcome,
            "status": self.status or None,
            "queue_seconds": round(max(0.0, waited - self.load), 4),
            "load_seconds": round(self.load, 4),
            "first_byte_seconds": first,
            "seconds": round(end - self.arrived, 4),
            "prompt_tokens": self.tokens.prompt,
            "cached_tokens": self.tokens.cached,
            "completion_tokens": self.tokens.completion,
            "tokens_per_second": self._rate(end),
            "received_bytes": self.received,
            "sent_bytes": self.sent,
        }

    def _rate(self, end: float) -> float | None:
        """Return the tokens of the answer per second: of a stream from its first byte, else from the engine's start."""
        began = self.first_byte if self.is_stream else self.started
        if self.tokens.completion is None or began is None or end <= began:
            return None
        return round(self.tokens.completion / (end - began), 2)
