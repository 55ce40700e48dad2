"""Hold leases for this process: renewed while it works, released at its end, expired if it is killed."""

from __future__ import annotations

import os
import socket
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from modelgen.files import ModelgenError
from modelgen.operate.control import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from modelgen.operate.control import Orchestrator

SECONDS = 15.0
"""Seconds after which the hold of a killed process expires."""
_PATIENCE = 2.0
"""Time limit in seconds for one renewal or release."""


class Leases:
    """The models that this process holds; leaving the context releases all of them.

    Args:
        orchestrator: The client of their orchestrator.
        seconds: Duration of a hold without a renewal.
    """

    def __init__(self, orchestrator: Orchestrator, seconds: float = SECONDS) -> None:
        self._orchestrator, self._seconds = orchestrator, seconds
        self._owner = f"modelgen up on {socket.gethostname()} pid {os.getpid()}"
        self._models: list[str] = []
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        released = [_in_background(self._release, model) for model in self._models]
        for thread in released:
            thread.join(_PATIENCE)

    def hold(self, models: Iterable[str]) -> None:
        """Drain and stop models in parallel; their requests wait until the hold ends.

        Raises:
            ModelgenError: One of them cannot be stopped.
        """
        self._models = [*models]
        answers: SimpleQueue[ModelgenError | None] = SimpleQueue()

        def ask(model: str) -> None:
            try:
                self._ask(model, "hold", {"owner": self._owner, "lease": self._seconds}, None)
            except ModelgenError as error:
                answers.put(error)
            else:
                answers.put(None)

        self._renewing.start()
        for model in self._models:
            _in_background(ask, model)  # daemon threads: an interrupted command does not wait for drains
        for _ in self._models:
            if (error := answers.get()) is not None:
                raise error

    def end(self) -> None:
        """Stop renewing."""
        self._ended.set()
        if self._renewing.is_alive():
            self._renewing.join(_PATIENCE)

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            for model in self._models:
                self._try(model, "hold", {"owner": self._owner, "lease": self._seconds, "wait": False})

    def _release(self, model: str) -> None:
        self._try(model, "release", {"owner": self._owner})

    def _try(self, model: str, verb: str, body: dict[str, object]) -> None:
        """Send a request and ignore failures: without an answer the lease expires by itself."""
        try:
            self._ask(model, verb, body, _PATIENCE)
        except ModelgenError:
            return

    def _ask(self, model: str, verb: str, body: dict[str, object], seconds: float | None) -> None:
        self._orchestrator.ask("POST", f"/models/{quoted(model)}/{verb}", body, seconds=seconds)


def _in_background(work: Callable[[str], None], model: str) -> threading.Thread:
    thread = threading.Thread(target=work, args=(model,), daemon=True)
    thread.start()
    return thread
