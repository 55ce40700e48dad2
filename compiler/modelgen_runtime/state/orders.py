"""The inputs of the board: queued requests, switches, and failures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.engines.admission import Admission, Lease, RefusedError
    from modelgen_runtime.failures.explanation import Meaning


@dataclass(eq=False, slots=True)
class Ticket:
    """A queued request.

    Args:
        admission: The admission of its model.
        since: Time of its arrival, set by the board.
        grant: Admits it; returns False if the client has left.
        refuse: Refuses it.
    """

    admission: Admission
    grant: Callable[[Lease], bool]
    refuse: Callable[[RefusedError], None]
    since: float = 0.0


@dataclass(eq=False, slots=True)
class Order:
    """A switch: models to be loaded together.

    Args:
        models: Their ids.
        since: Time of the request, set by the board.
        done: Called once: with None when all models are ready, or with the refusal.
        open: The models that are not ready yet.
        started: The models that this switch starts.
    """

    models: tuple[str, ...]
    done: Callable[[RefusedError | None], None]
    since: float = 0.0
    open: set[str] = field(default_factory=set)
    started: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason for which an engine failed.

    Args:
        message: One sentence.
        exit_code: Exit code of the process, if known.
        lines: Lines of its output: the cause, and the end.
        meaning: The explanation of a known failure.
        is_absent: Whether the container does not exist.
        container: Id of the container that failed. The failure is dropped when the container is replaced.
    """

    message: str
    exit_code: int | None = None
    lines: tuple[str, ...] = ()
    meaning: Meaning | None = None
    is_absent: bool = False
    container: str | None = None
