"""Errors that ready engines return: the last kinds of each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.failures.log_lines import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.http.receiver import EngineError, Receiver
    from modelgen_runtime.http.wire import Headers

_BODY_BYTES = 4_096
_KINDS = 5
_MESSAGE_CHARACTERS = 1_000
_KIND_CHARACTERS = 200
_NUMBER = re.compile(r"[0-9]+")
_DEAD = (
    "EngineCore encountered an issue",
    "Background loop has errored",
    # Containers lose their GPUs when systemd reloads its units, and have them again once they are started anew
    # (NVIDIA/nvidia-container-toolkit#48).
    "Failed to initialize NVML: Unknown Error",
    "NVML: Unknown Error",
    "CUDA error: unknown error",
    "CUDA error: no CUDA-capable device is detected",
)


@dataclass(slots=True)
class EngineErrorKind:
    """Errors that differ only in numbers.

    Args:
        status: HTTP status.
        message: Message of the last one.
        count: Number of errors.
        last: Time of the last one.
    """

    status: int
    message: str
    count: int = 0
    last: float = 0.0

    @property
    def is_death(self) -> bool:
        """Return whether the message, which starts with no text of clients, reports the engine's death."""
        return self.status >= 500 and self.message.startswith(_DEAD)


@dataclass(slots=True)
class EngineErrors:
    """The last kinds of errors that one engine returned, in order of their last occurrence."""

    kinds: dict[tuple[int, str], EngineErrorKind] = field(default_factory=dict)

    def note(self, status: int, body: bytes, now: float) -> EngineErrorKind:
        """Record an error, and return its kind."""
        message = _read_message(body)
        key = status, _NUMBER.sub("#", message)[:_KIND_CHARACTERS]
        kind = self.kinds.pop(key, None) or EngineErrorKind(status, message)
        kind.message, kind.count, kind.last = message, kind.count + 1, now
        self.kinds[key] = kind
        if len(self.kinds) > _KINDS:
            del self.kinds[next(iter(self.kinds))]
        return kind

    def clear(self) -> None:
        """Forget all errors, since another engine answers now."""
        self.kinds.clear()


class ErrorTap:
    """Forwards an engine's answer to its receiver, and keeps the start of its body.

    Args:
        receiver: Receiver of the answer.
        note: Called with the start of the body once the answer has ended.
    """

    __slots__ = ("_body", "_note", "_receiver")

    def __init__(self, receiver: Receiver, note: Callable[[bytes], None]) -> None:
        self._receiver, self._note = receiver, note
        self._body = bytearray()

    def on_head(self, status: int, headers: Headers, fields: dict[bytes, bytes]) -> None:
        """Forward it."""
        self._receiver.on_head(status, headers, fields)

    def on_data(self, data: bytes) -> None:
        """Forward it."""
        if len(self._body) < _BODY_BYTES:
            self._body += data[: _BODY_BYTES - len(self._body)]
        self._receiver.on_data(data)

    def flush(self) -> None:
        """Forward it."""
        self._receiver.flush()

    def on_end(self) -> None:
        """Forward it, and pass the start of the body to `note`."""
        self._receiver.on_end()
        self._note(bytes(self._body))

    def on_broken(self, error: EngineError) -> None:
        """Forward it, and pass the start of the body to `note`."""
        self._receiver.on_broken(error)
        self._note(bytes(self._body))

    def pause(self) -> None:
        """Forward it."""
        self._receiver.pause()

    def resume(self) -> None:
        """Forward it."""
        self._receiver.resume()


def _read_message(body: bytes) -> str:
    """Return the message of an error, in any format that engines use."""
    try:
        content: object = json.loads(body)
        for name in ("error", "message", "detail"):
            if isinstance(content, dict) and name in content:
                content = content[name]
    except (ValueError, RecursionError):
        content = body.decode(errors="replace")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return " ".join(clean_line(line) for line in text.encode(errors="replace").splitlines())[:_MESSAGE_CHARACTERS]
