"""The protocol of receivers of an engine's answer, and the error that ends one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from modelgen_runtime.http.wire import Headers


class EngineError(Exception):
    """An engine cannot be reached, or its answer is incomplete; the message is one sentence.

    Args:
        message: The sentence.
        is_stale: Whether the connection was reused and no byte of an answer arrived.
    """

    def __init__(self, message: str, *, is_stale: bool = False) -> None:
        super().__init__(message)
        self.is_stale = is_stale


class Receiver(Protocol):
    """Receives an engine's answer in parts."""

    def on_head(self, status: int, headers: Headers, fields: dict[bytes, bytes]) -> None:
        """Receive the head; `fields` has the headers by name in lower case."""

    def on_data(self, data: bytes) -> None:
        """Receive a part of the body."""

    def flush(self) -> None:
        """Note that no more data is available at the moment."""

    def on_end(self) -> None:
        """Note that the answer is complete."""

    def on_broken(self, error: EngineError) -> None:
        """Note that the answer ended prematurely."""

    def pause(self) -> None:
        """Pause sending, since the engine does not keep up."""

    def resume(self) -> None:
        """Resume sending."""
