"""Set, add and remove keys of the top level of a JSON object that arrives in pieces, in one pass.

What is not edited stays as it is, byte for byte. Only a key is held back until it has arrived, so the memory is that of
one piece. Values are skipped by regular expressions and are not parsed: the reader of the result validates them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from modelgen_runtime.http.json_scan import nested

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LEVELS = 4
"""Levels of nesting that one regular expression skips. Deeper ones cost a step for each bracket."""
_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"[^"]*+"'
_START = re.compile(_SPACE + rb"\{")
_KEY = re.compile(_SPACE + b"(" + _STRING + b")" + _SPACE + b":")
_END = re.compile(_SPACE + rb"\}")
_SPACES = re.compile(_SPACE)
_VALUE = re.compile(nested(rb'[^"\[\]{},]', _STRING, _LEVELS))
_INNER = re.compile(nested(rb'[^"\[\]{}]', _STRING, _LEVELS))
_OPENING, _CLOSING = re.compile(rb"[\[{]++"), re.compile(rb"[\]}]++")
_MOST_SPACE = 1024
"""Bytes of white space around a key."""
_COMMA, _QUOTE = b',"'


class NotAnObjectError(Exception):
    """The text is not a JSON object in UTF-8."""


class Edits:
    """Changes to an object.

    Args:
        set_: Keys and the JSON of their values, which replace those of the object.
        defaults: Keys and the JSON of their values, for an object that lacks the keys.
        strip: Keys to remove.
    """

    __slots__ = ("additions", "longest", "set", "strip")

    def __init__(
        self, set_: Mapping[str, bytes], defaults: Mapping[str, bytes] | None = None, strip: Iterable[str] = ()
    ) -> None:
        self.set, self.strip = dict(set_), frozenset(strip)
        self.additions = {
            key: json.dumps(key).encode() + b":" + value for key, value in [*(defaults or {}).items(), *set_.items()]
        }
        """The members that an object may lack, as JSON by key."""
        # In JSON, each unit of UTF-16 may be written as `\\uXXXX`.
        self.longest = max(6 * len(key.encode("utf-16-le")) // 2 for key in ("", *self.additions, *self.strip))
        """Most bytes that one of the keys takes in JSON."""


class ObjectEdit:
    """The edit of one object. A key that occurs several times is edited each time.

    Args:
        edits: What to change.
    """

    def __init__(self, edits: Edits) -> None:
        self._edits = edits
        self._state = self._begin
        self._held = b""  # an incomplete key, or a backslash whose escape has not arrived yet
        self._data = self._masked = b""
        self._depth, self._is_in_string, self._is_dropped = 0, False, False
        self._seen = set[str]()
        self._out: list[bytes] = []
        self._is_first, self._has_member = True, False

    def feed(self, data: bytes) -> bytes:
        """Take the next piece, and return what of the result is known by now.

        Raises:
            NotAnObjectError: The text does not begin as an object, or has something else in the place of a key.
        """
        self._data = data = self._held + data if self._held else data
        end = len(data)
        if b"\\" in data:
            end -= (end - len(data.rstrip(b"\\"))) % 2
            self._masked = data[:end].replace(b"\\\\", b"__").replace(b'\\"', b"__")
        else:
            self._masked = data
        at = 0
        while at < end and (next_ := self._state(at)) != at:
            at = next_
        self._held, self._data, self._masked = data[at:], b"", b""
        out, self._out = b"".join(self._out), []
        return out

    def end(self) -> None:
        """Note that the text is complete.

        Raises:
            NotAnObjectError: The object is not.
        """
        if self._held or self._state != self._pass_rest:
            raise NotAnObjectError

    # Each state takes a place in the data and returns the next one, or the same if it needs more data.

    def _begin(self, at: int) -> int:
        if (match := _START.match(self._masked, at)) is None:
            if _SPACES.fullmatch(self._masked, at) is None:
                raise NotAnObjectError
            return at
        self._out.append(match[0])
        self._state = self._take_key
        return match.end()

    def _take_key(self, at: int) -> int:
        if (match := _KEY.match(self._masked, at)) is not None:
            self._take_member(match)
            return match.end()
        if self._is_first and (match := _END.match(self._masked, at)) is not None:
            return self._close(match.end() - 1)
        spaces = _SPACES.match(self._masked, at)
        start = spaces.end() if spaces else at
        if start < len(self._masked) and self._masked[start] != _QUOTE:
            raise NotAnObjectError
        if len(self._masked) - at > self._edits.longest + _MOST_SPACE:  # no key to edit is as long
            self._begin_value(is_dropped=False)
            self._separate()
            return self._take_value(at)
        return at

    def _take_member(self, match: re.Match[bytes]) -> None:
        key, edits = _read_key(self._data[match.start(1) : match.end(1)]), self._edits
        if key in edits.additions:
            self._seen.add(key)
        value = edits.set.get(key)
        self._begin_value(is_dropped=value is not None or key in edits.strip)
        if key not in edits.strip:
            self._separate()
            self._out.append(self._data[match.start() : match.end()])
            if value is not None:
                self._out.append(value)

    def _begin_value(self, *, is_dropped: bool) -> None:
        self._is_dropped, self._is_first, self._state = is_dropped, False, self._take_value

    def _separate(self) -> None:
        if self._has_member:
            self._out.append(b",")
        self._has_member = True

    def _take_value(self, at: int) -> int:
        start, data = at, self._masked
        while at < len(data):
            if self._is_in_string:
                at = data.find(b'"', at) + 1
                if not at:
                    at = len(data)
                    break
                self._is_in_string = False
            match = (_INNER if self._depth else _VALUE).match(data, at)
            at = match.end() if match else at
            if at == len(data):
                break
            mark = data[at]
            if mark == _QUOTE:
                self._is_in_string = True
            elif opening := _OPENING.match(data, at):
                self._depth += opening.end() - at
                at = opening.end()
                continue
            elif self._depth and (closing := _CLOSING.match(data, at, at + self._depth)):
                self._depth -= closing.end() - at
                at = closing.end()
                continue
            elif mark == _COMMA:
                self._keep(start, at)
                self._state = self._take_key
                return at + 1
            else:
                self._keep(start, at)
                return self._close(at)
            at += 1
        self._keep(start, at)
        return at

    def _keep(self, start: int, end: int) -> None:
        if not self._is_dropped:
            self._out.append(self._data[start:end])

    def _close(self, at: int) -> int:
        """Add what the object lacks before its closing brace."""
        if self._masked[at : at + 1] != b"}":
            raise NotAnObjectError
        for key, member in self._edits.additions.items():
            if key not in self._seen:
                self._separate()
                self._out.append(member)
        self._out.append(b"}")
        self._state = self._pass_rest
        return at + 1

    def _pass_rest(self, at: int) -> int:
        self._out.append(self._data[at : len(self._masked)])
        return len(self._masked)


def _read_key(key: bytes) -> str:
    """Return a key as text; one that cannot be read is empty, which no key to edit is."""
    try:
        return str(json.loads(key)) if b"\\" in key else key[1:-1].decode()
    except ValueError:
        return ""
