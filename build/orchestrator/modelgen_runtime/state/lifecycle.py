"""Outputs of the board: actions on engines, and lifecycle events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from modelgen_runtime.manifest import Model


class Action(NamedTuple):
    """An action on an engine.

    `await` waits for an engine that runs already, `check` verifies that an engine can be started.
    """

    verb: Literal["start", "await", "stop", "check"]
    model: Model


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """A change of a model, for logs, metrics and listeners.

    Args:
        kind: The state that the model entered, or `evicted`, `held`, `released`, `stuck`, `reloaded`.
        model: Id of the model; None if it concerns all.
        detail: Explanation for people.
        seconds: Duration of a start.
    """

    kind: str
    model: str | None
    detail: str | None = None
    seconds: float | None = None
