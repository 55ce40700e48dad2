"""Find the model that a request is for, in as little of its body as that takes."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Protocol

_SMALL = 64 * 1024
"""Bodies of JSON up to this size are parsed as a whole: their `model` often comes last."""
_MOST_HEADERS = 16 * 1024
# What changes where one is in JSON; all else is skipped at the speed of C.
_MARKS = re.compile(rb'["{}\[\],:]')
_IN_STRING = re.compile(rb'["\\]')
_QUOTE, _COMMA, _COLON, _BACKSLASH = b'",:\\'
_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*"([^"\\\x00-\x1f]*)"\s*[,}]')
_BOUNDARY = re.compile(rb'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_IS_MODEL = re.compile(rb'(?i:content-disposition):[^\r\n]*[;\s]name="?model"?\s*(?:[;\r\n]|$)')


class Found(NamedTuple):
    """A model's name, and the bytes of the body that are its value, quotes included; 0 and 0 where nobody looked."""

    name: str
    start: int
    end: int


class BadBodyError(Exception):
    """The body is neither JSON nor a form, or has the model twice; the message is one sentence."""


class Finder(Protocol):
    """Looks for the model in a body that grows."""

    def find(self, body: bytearray, *, is_whole: bool) -> Found | None:
        """Return the model; None where it is not there yet, or where the body is whole, at all.

        Raises:
            BadBodyError: The body is not what it is said to be.
        """

    def rename(self, body: bytearray, found: Found, name: str) -> int:
        """Write another name in the place of the model's, and return by how many bytes the body has grown."""


def make_finder(content_type: bytes) -> Finder:
    """Return what finds the model in a body of a type.

    Raises:
        BadBodyError: It is a form without a boundary.
    """
    if not content_type.lower().startswith(b"multipart/form-data"):
        return JsonFinder()  # many clients forget the header
    if (match := _BOUNDARY.search(content_type)) is None:
        raise BadBodyError("the form's Content-Type has no `boundary`")
    return FormFinder(match[1] or match[2])


class JsonFinder:
    """Reads JSON up to the value of the top level's `model`.

    In a body that is read in pieces the first one counts, and what follows is not looked at.
    """

    def __init__(self) -> None:
        self._at = self._depth = 0
        self._string: int | None = None
        self._is_key, self._key = False, b""

    def find(self, body: bytearray, *, is_whole: bool) -> Found | None:
        """Return the model; see `Finder`."""
        if is_whole and len(body) <= _SMALL and self._at == 0:
            name = _read_whole(body)
            return None if name is None else Found(name, 0, 0)
        if len(body) <= _SMALL and not is_whole:
            return None
        return self.scan(body)

    def rename(self, body: bytearray, found: Found, name: str) -> int:
        """Write another name as JSON; see `Finder`."""
        return _replace(body, found if found.end else JsonFinder().scan(body) or found, json.dumps(name).encode())

    def scan(self, body: bytearray) -> Found | None:
        """Return the model and the place of its value, without parsing the whole."""
        while True:
            in_string = self._string is not None
            match = (_IN_STRING if in_string else _MARKS).search(body, self._at)
            if match is None:
                self._at = len(body)
                return None
            mark, self._at = body[match.start()], match.end()
            if not in_string:
                self._step(mark, match.start())
            elif mark == _QUOTE:
                if (found := self._end_string(body)) is not None:
                    return found
            elif self._at < len(body):
                self._at += 1  # what is escaped
            else:
                self._at -= 1
                return None

    def _step(self, mark: int, place: int) -> None:
        if mark == _QUOTE:
            self._string = place
        elif mark in b"{[":
            self._depth += 1
            self._is_key = self._depth == 1
        elif mark in b"}]":
            self._depth -= 1
        elif self._depth == 1:
            self._is_key = mark == _COMMA

    def _end_string(self, body: bytearray) -> Found | None:
        start, self._string = self._string or 0, None
        if self._depth != 1:
            return None
        if self._is_key:
            self._key = bytes(body[start : self._at])
        elif self._key == b'"model"':
            return Found(_decode(body[start : self._at]), start, self._at)
        return None


def asks_for_stream(body: bytearray) -> bool:
    """Tell whether a whole body of JSON has `"stream": true`."""
    try:
        read = _decode(body)
    except BadBodyError:
        return False
    return isinstance(read, dict) and read.get("stream") is True


def _read_whole(body: bytearray) -> str | None:
    """Return the model in a small body; one that has it twice means two things to two readers."""
    top: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        top[:] = pairs  # the outermost comes last
        return dict(pairs)

    is_doubtful = body.count(b'"model"') > 1
    if not is_doubtful and (match := _FIRST.match(body)) is not None:
        return match[1].decode(errors="replace")  # whether the rest is JSON its engine will say
    read = _decode(body, keep if is_doubtful else None)
    if not isinstance(read, dict):
        raise BadBodyError("the body must be a table of JSON")
    if is_doubtful and sum(key == "model" for key, _ in top) > 1:
        raise BadBodyError("the body has `model` twice")
    name = read.get("model")
    return name if isinstance(name, str) else None


def _decode(data: bytearray | bytes, hook: Any = None) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(bytes(data), object_pairs_hook=hook)
    except (ValueError, RecursionError) as error:
        raise BadBodyError(f"the body is not JSON: {error}") from error


class FormFinder:
    """Reads a form up to the part that is named `model`, part by part: a file may hold anything."""

    def __init__(self, boundary: bytes) -> None:
        self._line = b"--" + boundary
        self._at = 0
        self._is_in_content = False

    def find(self, body: bytearray, *, is_whole: bool) -> Found | None:  # noqa: ARG002 - see `Finder`
        """Return the model; see `Finder`."""
        if self._at == 0 and len(body) >= len(self._line) and not body.startswith(self._line):
            raise BadBodyError("the form does not begin with its boundary")
        while True:
            if self._is_in_content:
                place = body.find(b"\r\n" + self._line, self._at)
                if place < 0:
                    self._at = max(self._at, len(body) - len(self._line) - 1)
                    return None
                self._at, self._is_in_content = place + 2, False
            end = body.find(b"\r\n\r\n", self._at)
            if end < 0:
                if len(body) - self._at > _MOST_HEADERS:
                    raise BadBodyError("a part of the form has no end of its headers")
                return None
            if not _IS_MODEL.search(body, self._at, end + 2):
                self._at, self._is_in_content = end + 2, True
                continue
            stop = body.find(b"\r\n" + self._line, end + 4)
            if stop < 0:
                return None
            return Found(bytes(body[end + 4 : stop]).decode(errors="replace"), end + 4, stop)

    def rename(self, body: bytearray, found: Found, name: str) -> int:
        """Write another name as it is; see `Finder`."""
        return _replace(body, found, name.encode())


def _replace(body: bytearray, found: Found, value: bytes) -> int:
    body[found.start : found.end] = value
    return len(value) - (found.end - found.start)
