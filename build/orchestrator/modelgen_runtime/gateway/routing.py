"""Find the model that a request names, and read as little of its body as possible."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, NamedTuple, Protocol

from modelgen_runtime.http.json_scan import KeyScan

_SMALL = 64 * 1024
"""Bodies of JSON up to this size are parsed as a whole: their `model` often comes last."""
_MOST_HEADERS, _MOST_NAME = 16 * 1024, 4 * 1024
"""Bytes of the headers of a part of a form, and of the part that names the model."""
_PARTS_AT_ONCE = 500
_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*"([^"\\\x00-\x1f]*)"\s*[,}]')
_ESCAPED_LETTER = b"\\u006"
"""The escape by which `model` can be written in another way."""
_BOUNDARY = re.compile(rb'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_IS_MODEL = re.compile(rb'(?i:content-disposition):[^\r\n]*[;\s]name="?model"?\s*(?:[;\r\n]|$)')


class Found(NamedTuple):
    """A model's name, and the place of its value in the body, quotes included; 0 and 0 if unknown."""

    name: str
    start: int
    end: int


class BadBodyError(Exception):
    """The body is neither JSON nor a form, or has the model twice; the message is one sentence."""


class Finder(Protocol):
    """Looks for the model in a body that grows.

    Args:
        is_json: Whether the body is JSON, and no form.
    """

    is_json: bool

    @property
    def is_behind(self) -> bool:
        """Return whether `find` stopped before the end of the body to yield to other tasks; call it again."""

    def find(self, body: bytearray, *, is_whole: bool) -> Found | None:
        """Return the model; None if it has not arrived yet, or if a whole body does not name one.

        Raises:
            BadBodyError: The body does not match its Content-Type.
        """

    def rename(self, body: bytearray, found: Found, name: str) -> int:
        """Replace the model's name, and return by how many bytes the body has grown."""


def make_finder(content_type: bytes) -> Finder:
    """Return the finder for a Content-Type.

    Raises:
        BadBodyError: A form has no boundary.
    """
    if not content_type.lower().startswith(b"multipart/form-data"):
        return JsonFinder()  # many clients forget the header
    if (match := _BOUNDARY.search(content_type)) is None:
        raise BadBodyError("the form's Content-Type has no `boundary`")
    return FormFinder(match[1] or match[2])


class JsonFinder:
    """Reads JSON up to the value of the top level's `model`.

    In a body that arrives in pieces the first `model` counts; the rest is not read.
    """

    is_json = True

    def __init__(self) -> None:
        self._scan: KeyScan | None = None  # most bodies need none

    @property
    def is_behind(self) -> bool:
        """Return whether `find` stopped before the end of the body."""
        return self._scan is not None and self._scan.is_behind

    def find(self, body: bytearray, *, is_whole: bool) -> Found | None:
        """Return the model; see `Finder`."""
        if is_whole and len(body) <= _SMALL and self._scan is None:
            name = _read_whole(body)
            return None if name is None else Found(name, 0, 0)
        if len(body) <= _SMALL and not is_whole:
            return None
        if self._scan is None:
            self._scan = KeyScan(b"model")
        return _read_model(body, self._scan.advance(body))

    def rename(self, body: bytearray, found: Found, name: str) -> int:
        """Write another name as JSON; see `Finder`."""
        if not found.end:  # a small body was parsed as a whole, without places
            place = _read_model(body, KeyScan(b"model").advance(body))
            if place is None:
                raise BadBodyError("the key `model` must be written in UTF-8 without escapes")
            found = place
        return _replace(body, found, json.dumps(name).encode())


def _read_model(body: bytearray, value: slice | None) -> Found | None:
    if value is None or body[value.start] != ord('"'):
        return None
    return Found(_decode(body[value]), value.start, value.stop)


async def asks_for_stream(body: bytearray) -> bool:
    """Return whether a body of JSON, or as much as there is of it, has `"stream": true`."""
    scan = KeyScan(b"stream")
    while (value := scan.advance(body)) is None and scan.is_behind:  # noqa: ASYNC110 - it works between the waits
        await asyncio.sleep(0)
    return value is not None and body[value] == b"true"


def _read_whole(body: bytearray) -> str | None:
    """Return the model in a small body. Two parsers may read a repeated key differently, so it is refused."""
    top: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        top[:] = pairs  # the outermost comes last
        return dict(pairs)

    is_doubtful = body.count(b'"model"') > 1 or _ESCAPED_LETTER in body
    if not is_doubtful and (match := _FIRST.match(body)) is not None:
        return match[1].decode(errors="replace")  # the engine validates the rest
    read = _decode(body, keep if is_doubtful else None)
    if not isinstance(read, dict):
        raise BadBodyError("the body must be a JSON object")
    if is_doubtful and sum(key == "model" for key, _ in top) > 1:
        raise BadBodyError("the body has `model` twice")
    name = read.get("model")
    if not isinstance(name, str | None):
        raise BadBodyError("`model` must be a string")
    return name


def _decode(data: bytearray | bytes, hook: Any = None) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(bytes(data), object_pairs_hook=hook)
    except (ValueError, RecursionError) as error:
        raise BadBodyError(f"the body is not JSON: {error}") from error


class FormFinder:
    """Reads a form part by part up to the part `model`, since a file may contain any bytes."""

    is_json = False

    def __init__(self, boundary: bytes) -> None:
        self._line = b"--" + boundary
        self._at = 0
        self._is_in_content = self.is_behind = False

    def find(self, body: bytearray, *, is_whole: bool) -> Found | None:  # noqa: ARG002 - see `Finder`
        """Return the model; see `Finder`."""
        if self._at == 0 and len(body) >= len(self._line) and not body.startswith(self._line):
            raise BadBodyError("the form does not begin with its boundary")
        self.is_behind = False
        for _ in range(_PARTS_AT_ONCE):
            if self._is_in_content:
                place = body.find(b"\r\n" + self._line, self._at)
                if place < 0:
                    self._at = max(self._at, len(body) - len(self._line) - 1)
                    return None
                self._at, self._is_in_content = place + 2, False
            end = body.find(b"\r\n\r\n", self._at, self._at + _MOST_HEADERS)
            if end < 0:
                if len(body) - self._at > _MOST_HEADERS:
                    raise BadBodyError(f"the headers of a part of the form are longer than {_MOST_HEADERS} bytes")
                return None
            if not _IS_MODEL.search(body, self._at, end + 2):
                self._at, self._is_in_content = end + 2, True
                continue
            most = end + 4 + _MOST_NAME
            stop = body.find(b"\r\n" + self._line, end + 4, most)
            if stop < 0 and len(body) > most:
                raise BadBodyError(f"the form's `model` is longer than {_MOST_NAME} bytes")
            if stop < 0:
                return None
            return Found(bytes(body[end + 4 : stop]).decode(errors="replace"), end + 4, stop)
        self.is_behind = True
        return None

    def rename(self, body: bytearray, found: Found, name: str) -> int:
        """Write another name as it is; see `Finder`."""
        return _replace(body, found, name.encode())


def _replace(body: bytearray, found: Found, value: bytes) -> int:
    body[found.start : found.end] = value
    return len(value) - (found.end - found.start)
