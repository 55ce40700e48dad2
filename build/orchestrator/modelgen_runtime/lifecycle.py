"""What the board gives out: what is to be done, and what has happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from modelgen_runtime.manifest import Model


class Action(NamedTuple):
    """Something to do to an engine.

    `await` is a start of one that runs already, `check` a look at whether it could be started.
    """

    verb: Literal["start", "await", "stop", "check"]
    model: Model


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """Something that others may want to know.

    Args:
        kind: A state that a model has entered, or `evicted`, `held`, `released`, `stuck`, `reloaded`.
        model: Whose; None for all.
        detail: More, for people.
        seconds: How long it took.
    """

    kind: str
    model: str | None
    detail: str | None = None
    seconds: float | None = None
