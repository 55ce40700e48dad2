"""Admission of requests to an engine: whether it takes requests now, and which ones it serves.

The gateway enters and leaves; the switchboard opens and closes. Both run in one thread, so an admission that
has just been closed admits no request. A request for a loaded model costs one method call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.engine_errors import EngineErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.driver import Endpoint
    from modelgen_runtime.manifest import Model


class RefusedError(Exception):
    """A request is not served.

    Args:
        status: Of HTTP.
        kind: A word for programs, such as `model_failed`.
        message: For people: what happened and what to do.
        retry_after: Seconds after which another try may go well, or None.
        log: Lines of the engine's log around the cause.
        places: Dotted paths of what to change in models.toml.
        allow: Methods that the path takes, where it is the method that is wrong.
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
    """One request that is with an engine.

    Args:
        admission: Through which it went.
        endpoint: Where it goes.
        cut: Ends it, because its engine is about to be stopped or has died; the gateway sets it. It is called with the
            reason, at most once, and never after the lease has left.
    """

    admission: Admission
    endpoint: Endpoint
    cut: Callable[[RefusedError], None] | None = None

    def leave(self) -> None:
        """Say that the request has ended, however it did; a second time changes nothing."""
        self.admission.leave(self)


@dataclass(eq=False, slots=True)
class Admission:
    """The way to one model.

    Args:
        model: Whose.
        endpoint: Where its engine listens; None while the admission is closed.
        leases: Requests that are with the engine.
        queued: How many wait in line; nobody passes them.
        used: Clock time at which the last one left.
        last_data: Clock time at which the engine last sent anything.
        on_leave: Told whenever one has left.
        errors: That the engine has answered since it became ready.
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
        """Let a request through, or return None: then it has to wait (`Switchboard.enter`)."""
        return None if self.queued else self.admit()

    def admit(self) -> Lease | None:
        """Let the first in line through, if the admission is open and the engine takes one more."""
        limit = self.model.concurrency
        if self.endpoint is None or (limit is not None and len(self.leases) >= limit):
            return None
        lease = Lease(self, self.endpoint)
        self.leases.add(lease)
        return lease

    def leave(self, lease: Lease) -> None:
        """Take a request out of the books."""
        if lease in self.leases:
            self.leases.discard(lease)
            if self.on_leave is not None:
                self.on_leave(self)
