"""The protocol of drivers, which run engines as processes or containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from modelgen_runtime.manifest import Model


class DriverError(Exception):
    """An engine cannot be started or stopped; the message is one sentence with the next step."""


class AbsentError(DriverError):
    """There is nothing to start, for example because the container was removed."""


class Endpoint(NamedTuple):
    """The address of a running engine, a key of dictionaries on the path of every request.

    Args:
        host: Name or IP address; a name is resolved for each connection.
        port: TCP port.
        generation: Identifies one start. Connections of another generation are never reused.
    """

    host: str
    port: int
    generation: str


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of an engine.

    Args:
        generation: Identifies the start.
        code: Exit code, negative for a signal; None if unknown, as for adopted engines.
        is_gone: Whether no process of it is left. Otherwise its GPU is not free before `stop` has returned.
        hit_limit: Whether the kernel killed a process of it for its memory limit; None if unknown.
    """

    generation: str
    code: int | None
    is_gone: bool = True
    hit_limit: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """Changes to engines by others, as ids of models.

    Args:
        absent: Models whose container does not exist.
        unexpected: Models that run although this driver did not start them.
    """

    absent: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()


class Driver(Protocol):
    """Starts, stops and watches engines by the ids of their models. For each model, one task at a time calls it."""

    async def adopt(self, models: list[Model], on_exit: Callable[[str, Exit], None]) -> dict[str, Endpoint]:
        """Begin: adopt running engines, and stop those of models that are not listed.

        Args:
            models: Those of the manifest.
            on_exit: Called in the event loop with the model's id at every exit, requested or not. For an exit that
                `stop` requested, it is called before `stop` returns.
        """

    async def look(self, models: Iterable[Model]) -> Seen:
        """Return changes to engines by others."""

    async def check(self, model: Model) -> None:
        """Check whether an engine can be started, before others are evicted for it. It may be started concurrently.

        Raises:
            AbsentError: There is nothing to start.
            DriverError: It could not be started, as far as can be seen.
        """

    def containers(self) -> dict[str, str]:
        """Return the container id of each model, as last seen; empty for other drivers."""

    async def start(self, model: Model) -> Endpoint:
        """Start an engine, and return once it runs. Readiness is checked elsewhere.

        Raises:
            DriverError: It cannot be started.
        """

    async def stop(self, model: Model) -> None:
        """Stop an engine by SIGTERM, after `stop_grace` seconds by SIGKILL, and return once no process of it is left.

        Raises:
            DriverError: It cannot be stopped.
        """

    def warnings(self) -> list[str]:
        """Return problems that an operator should fix although engines run, a sentence each."""

    def tail(self, model: str, count: int) -> list[str]:
        """Return the last lines of output, of this start and earlier ones, oldest first."""

    def last_start(self, model: str) -> list[str]:
        """Return the output since the last start; of a long one, the beginning and the end, where causes are."""

    def follow(self, model: str) -> AsyncIterator[str]:
        """Yield further lines of output."""

    async def close(self) -> None:
        """Release all resources. Running engines continue."""
