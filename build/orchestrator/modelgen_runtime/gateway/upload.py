"""The body of a request, until an engine takes it: buffered, counted, and edited for a variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.gateway.routing import BadBodyError
from modelgen_runtime.http.json_edit import NotAnObjectError, ObjectEdit

if TYPE_CHECKING:
    from modelgen_runtime.gateway.buffers import Buffers
    from modelgen_runtime.http.json_edit import Edits

HELD = 256 * 1024
"""Bytes of a body that are buffered while its model loads; then reading from the client pauses."""
_TURN = 64 * 1024
"""Bytes that are edited at once, so that a large body that was buffered does not block the event loop."""


class Upload:
    """A body in progress.

    Args:
        buffers: Limit on all bodies.
        expected: The Content-Length; None for a body in chunks.
    """

    __slots__ = ("_buffers", "_edit", "counted", "data", "expected", "is_whole", "length", "received", "unedited")

    def __init__(self, buffers: Buffers, expected: int | None) -> None:
        self._buffers, self.counted = buffers, 0
        """Bytes of it that are counted."""
        self._edit: ObjectEdit | None = None
        self.unedited: bytearray | None = None
        """A part that was buffered before the edit began; `advance` edits it."""
        self.data = bytearray()
        """Bytes for the engine, as far as they are known."""
        self.expected = self.length = expected
        """Bytes that come from the client, and that go to the engine."""
        self.received, self.is_whole = 0, False

    def add(self, data: bytes) -> None:
        """Buffer a part of the body.

        Raises:
            BadBodyError: A body that is edited is not a JSON object.
        """
        if self.unedited:
            self.unedited += data
        else:
            self.data += self.edited(data)

    def end(self) -> None:
        """Note that the body is complete.

        Raises:
            BadBodyError: A body that is edited is not a JSON object.
        """
        self.is_whole = True
        if self._edit is not None and not self.unedited:
            try:
                self._edit.end()
            except NotAnObjectError as error:
                raise _not_an_object() from error
            self.length = len(self.data)

    def edited(self, data: bytes) -> bytes:
        """Return what goes to the engine for a part of the body.

        Raises:
            BadBodyError: A body that is edited is not a JSON object.
        """
        if self._edit is None:
            return data
        try:
            return self._edit.feed(data)
        except NotAnObjectError as error:
            raise _not_an_object() from error

    def begin_edit(self, edits: Edits) -> None:
        """Edit the body from its start; `advance` edits what was buffered before."""
        self._edit, self.length = ObjectEdit(edits), None
        self.unedited, self.data = self.data, bytearray()

    def advance(self) -> bool:
        """Edit a part of what was buffered, and return whether there is more.

        Raises:
            BadBodyError: It is not a JSON object.
        """
        if self.unedited:
            part = bytes(self.unedited[:_TURN])
            del self.unedited[:_TURN]
            self.data += self.edited(part)
            if self.is_whole:
                self.end()
        return bool(self.unedited)

    def take(self) -> bytearray:
        """Return the data, and keep none."""
        data, self.data = self.data, bytearray()
        return data

    # -- the limit on all bodies --------------------------------------------------------------------------------------

    def count(self) -> None:
        """Count what is buffered. A body that is forwarded immediately is not counted.

        Raises:
            RefusedError: There is no room for it.
        """
        held = len(self.data) + len(self.unedited or b"")
        self._buffers.take(held - self.counted)
        self.counted = held

    def free(self) -> None:
        """Release what was counted."""
        self._buffers.give_back(self.counted)
        self.counted = 0


def _not_an_object() -> BadBodyError:
    return BadBodyError("the model is a variant, which edits the body, so the body must be a JSON object in UTF-8")
