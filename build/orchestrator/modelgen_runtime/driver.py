"""What runs the engines: a small protocol, so that deciding knows nothing of processes or containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from modelgen_runtime.manifest import Model


class DriverError(Exception):
    """An engine cannot be started or stopped; the message is one sentence that says what to do."""


class AbsentError(DriverError):
    """There is nothing to start, such as a container that was removed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running engine listens.

    Args:
        host: Name or address; a name is resolved for each connection.
        port: There.
        generation: Of one start; connections to another generation are never used again.
    """

    host: str
    port: int
    generation: str


@dataclass(frozen=True, slots=True)
class Exit:
    """How an engine ended.

    Args:
        generation: Which start it was.
        code: Of its process, negative for a signal; None where nobody can tell (it was adopted).
        is_gone: Whether nothing of it is left; otherwise its card is not free before `stop` has returned.
        hit_limit: Whether the kernel killed one of its processes for its own memory limit; None if unknown.
    """

    generation: str
    code: int | None
    is_gone: bool = True
    hit_limit: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """What has been done to engines from outside; ids of models.

    Args:
        absent: Those that cannot be started, for what they run in is not there.
        unexpected: Those that run although this driver has not started them.
    """

    absent: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()


class Driver(Protocol):
    """Starts, stops and watches engines by the ids of their models. Only one task calls it for one model at a time."""

    async def adopt(self, models: list[Model], on_exit: Callable[[str, Exit], None]) -> dict[str, Endpoint]:
        """Begin: take over the engines that run already, and end those that are of no listed model.

        Args:
            models: Those of the manifest.
            on_exit: Told of every exit, asked for or not, with the model's id; called in the event loop, and for one
                that `stop` was asked for before `stop` returns.
        """

    async def look(self, models: Iterable[Model]) -> Seen:
        """Return what has happened to engines behind the driver's back."""

    async def check(self, model: Model) -> None:
        """Look whether an engine could be started, before others leave for it. It may be started meanwhile.

        Raises:
            AbsentError: There is nothing to start.
            DriverError: It could not be started, as far as can be seen.
        """

    def containers(self) -> dict[str, str]:
        """Return which container each model runs in, by its id, as they were last seen; none for other drivers."""

    async def start(self, model: Model) -> Endpoint:
        """Start an engine, and return once it runs; that it serves is found out elsewhere.

        Raises:
            DriverError: It cannot be started.
        """

    async def stop(self, model: Model) -> None:
        """Stop an engine by SIGTERM, after `stop_grace` seconds by SIGKILL, and return once nothing of it is left.

        Raises:
            DriverError: It cannot be stopped.
        """

    def warnings(self) -> list[str]:
        """Return what an operator ought to mend although engines run, a sentence each."""

    def tail(self, model: str, count: int) -> list[str]:
        """Return the last lines that an engine printed, of this start and those before, the oldest first."""

    def last_start(self, model: str) -> list[str]:
        """Return what was printed since the last start, or of much the beginning and the end: there a cause stands."""

    def follow(self, model: str) -> AsyncIterator[str]:
        """Yield the lines that an engine prints from now on."""

    async def close(self) -> None:
        """Let go of everything; running engines go on."""
