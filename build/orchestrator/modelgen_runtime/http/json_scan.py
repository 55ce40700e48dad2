"""Find a key of the top level in JSON that arrives in pieces, in bounded steps by regular expressions.

`json.loads` blocks the event loop for seconds on 20 MB of small lists, as did a loop over their brackets. One regular
expression skips all that is nested deeper than the top level.
"""

from __future__ import annotations

import re

_TURN_BYTES = 64 * 1024
_TURN_STEPS = 1_000
"""Limits of one step: bytes, and brackets or strings of the top level; some 1.5 ms."""

_TEXT = rb'(?:[^"\\]++|\\.)*+'
_IN_STRING = re.compile(_TEXT, re.DOTALL)


def nested(plain: bytes, string: bytes, levels: int) -> bytes:
    """Return the expression of text with whole strings, lists and objects in it.

    Args:
        plain: The expression of one byte of the text, which is no quote and no bracket.
        string: The expression of a string.
        levels: Levels of the lists and objects.
    """
    inner = rb'[^"\[\]{}]*+(?:%b[^"\[\]{}]*+)*+' % string
    for _ in range(levels - 1):
        inner = rb'[^"\[\]{}]*+(?:(?:%b|\[%b\]|\{%b\})[^"\[\]{}]*+)*+' % (string, inner, inner)
    return rb"%b*+(?:(?:%b|\[%b\]|\{%b\})%b*+)*+" % (plain, string, inner, inner, plain)


# Text that does not change the depth: plain text, whole strings, and most lists and objects, which are shallow.
_LEVEL = re.compile(nested(rb'[^"\[\]{}]', b'"%b"' % _TEXT, 2), re.DOTALL)
_MARKS = re.compile(rb'["{}\[\],:]')
_QUOTE, _COMMA, _COLON = b'",:'


class KeyScan:
    """Finds the first value of a key of the top level.

    Args:
        key: The key as written, without quotes.
    """

    def __init__(self, key: bytes) -> None:
        self._wanted = b'"%b"' % key
        self._at = self._depth = 0
        self._string: int | None = None
        self._key = b""
        self._value: int | None = None
        self.is_behind = False

    def advance(self, body: bytearray) -> slice | None:
        """Scan the next part of a body that may have grown, and return the place of the value.

        Args:
            body: The body. The part that was scanned before must be unchanged.

        Returns:
            The place of a string with its quotes, of a number or of a word; None if it was not found yet. Lists and
            objects are not returned.
        """
        end = min(len(body), self._at + _TURN_BYTES)
        for _ in range(_TURN_STEPS):
            if self._at >= end:
                break
            found, is_stuck = self._step(body, end)
            if found is not None or is_stuck:
                self.is_behind = not is_stuck or end < len(body)
                return found
        self.is_behind = self._at < len(body)
        return None

    def _step(self, body: bytearray, end: int) -> tuple[slice | None, bool]:
        """Advance to the next mark; the second value is whether that needs bytes beyond `end`."""
        if self._string is not None:
            return self._leave_string(body, end)
        if self._depth > 1:
            match = _LEVEL.match(body, self._at, end)
            place = match.end() if match else self._at
        else:
            match = _MARKS.search(body, self._at, end)
            place = match.start() if match else end
        if place >= end:
            self._at = end
            return None, False
        self._at = place + 1
        return self._take(body, body[place], place), False

    def _leave_string(self, body: bytearray, end: int) -> tuple[slice | None, bool]:
        match = _IN_STRING.match(body, self._at, end)
        self._at = match.end() if match else self._at
        if self._at >= end:
            return None, False
        if body[self._at] != _QUOTE:  # a backslash whose escape has not arrived yet
            return None, True
        self._at += 1
        start, self._string = self._string or 0, None
        if self._depth == 1 and self._value is None:
            self._key = bytes(body[start : self._at])
        elif self._depth == 1 and self._key == self._wanted:
            return slice(start, self._at), False
        return None, False

    def _take(self, body: bytearray, mark: int, place: int) -> slice | None:
        if mark == _QUOTE:
            self._string = place
        elif mark in b"{[":
            self._depth += 1
            self._key = b""  # its value is a list or an object
        elif self._depth == 1 and mark == _COLON:
            self._value = place + 1
        elif self._depth == 1:
            start, self._value = self._value, None
            if start is not None and self._key == self._wanted:
                text = body[start:place]
                start += len(text) - len(text.lstrip())
                return slice(start, start + len(text.strip()))
        if mark in b"}]":
            self._depth -= 1
        return None
