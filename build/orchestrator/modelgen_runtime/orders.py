"""Who waits for what: requests in line, and switches that somebody asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.admission import Admission, Lease, RefusedError
    from modelgen_runtime.failures import Meaning


@dataclass(eq=False, slots=True)
class Ticket:
    """A request in line.

    Args:
        admission: Of its model.
        since: When it came; the board sets it.
        grant: Lets it through; returns False when it has left meanwhile.
        refuse: Ends its wait.
    """

    admission: Admission
    grant: Callable[[Lease], bool]
    refuse: Callable[[RefusedError], None]
    since: float = 0.0


@dataclass(eq=False, slots=True)
class Order:
    """A switch: models that are to be resident together.

    Args:
        models: Their ids.
        since: When it was asked for; the board sets it.
        done: Called once with None when all are ready, or with the reason why they are not.
        open: Those that are not ready yet.
        started: Those that it starts.
    """

    models: tuple[str, ...]
    done: Callable[[RefusedError | None], None]
    since: float = 0.0
    open: set[str] = field(default_factory=set)
    started: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an engine does not serve.

    Args:
        message: One sentence.
        exit_code: Of its process, where it has ended and somebody knows.
        lines: What it printed as its cause and at the very end.
        meaning: What that means, where it is known.
        is_absent: Whether there is nothing to start.
        container: Of which it is the failure, where there is one; a failure of another container is history.
    """

    message: str
    exit_code: int | None = None
    lines: tuple[str, ...] = ()
    meaning: Meaning | None = None
    is_absent: bool = False
    container: str | None = None
