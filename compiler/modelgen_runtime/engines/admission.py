"""Admission of requests to an engine: whether it takes requests now, and which ones it serves.

The gateway enters and leaves; the switchboard opens and closes. Both run in one thread, so an admission that
has just been closed admits no request. A request for a loaded model costs one method call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.engines.engine_errors import EngineErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.drivers.driver import Endpoint
    from modelgen_runtime.manifest import Model


class RefusedError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        kind: Error code, such as `model_failed`.
        message: What happened, and the next step.
        retry_after: Seconds after which a retry may succeed, or None.
        log: Lines of the engine's log that show the cause.
        places: Dotted paths of the keys to change in models.toml.
        allow: Methods that the path accepts, if the method is wrong.
    """

    def __init__(  # noqa: PLR0913 - what an answer may hold
        self,
        status: int,
        kind: str,
        message: str,
        *,
        retry_after: int | None = None,
        log: tuple[str, ...] = (),
        places: tuple[str, ...] = (),
        allow: str | None = None,
    ) -> None:
        super().__init__(message)
        self.allow = allow
        self.status, self.kind, self.message, self.retry_after, self.log = status, kind, message, retry_after, log
        self.places = places


@dataclass(eq=False, slots=True)
class Lease:
    """A request in flight to an engine.

    Args:
        admission: The admission that granted it.
        endpoint: Address of the engine.
        cut: Ends the request when its engine stops or has died; set by the gateway. It is called with the reason, at
            most once, and never after `leave`.
    """

    admission: Admission
    endpoint: Endpoint
    cut: Callable[[RefusedError], None] | None = None

    def leave(self) -> None:
        """Mark the request as ended. A second call has no effect."""
        self.admission.leave(self)


@dataclass(eq=False, slots=True)
class Admission:
    """Admission to one model.

    Args:
        model: The model.
        endpoint: Address of the engine; None while the admission is closed.
        leases: Requests in flight.
        queued: Number of queued requests. New requests queue behind them.
        used: Clock time at which the last request ended.
        last_data: Clock time at which the engine last sent data.
        on_leave: Called after each request that ended.
        errors: Errors that the engine has returned since it became ready.
    """

    model: Model
    endpoint: Endpoint | None = None
    leases: set[Lease] = field(default_factory=set)
    queued: int = 0
    used: float = 0.0
    last_data: float = 0.0
    on_leave: Callable[[Admission], None] | None = None
    errors: EngineErrors = field(default_factory=EngineErrors)

    def enter(self) -> Lease | None:
        """Return a lease, or None if the request has to queue (`Switchboard.enter`)."""
        return None if self.queued else self.admit()

    def admit(self) -> Lease | None:
        """Return a lease for the first queued request, or None if the engine takes no more requests."""
        limit = self.model.concurrency
        if self.endpoint is None or (limit is not None and len(self.leases) >= limit):
            return None
        lease = Lease(self, self.endpoint)
        self.leases.add(lease)
        return lease

    def leave(self, lease: Lease) -> None:
        """Remove a lease."""
        if lease in self.leases:
            self.leases.discard(lease)
            if self.on_leave is not None:
                self.on_leave(self)
