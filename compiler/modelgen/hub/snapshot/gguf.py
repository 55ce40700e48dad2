"""Read the header of a GGUF file: its metadata, and the bytes of its tensors. The tensors themselves are not read.

The format (docs/gguf.md of ggml): magic, version, number of tensors and of keys; the keys with their values; name,
dimensions, type and offset of each tensor; the tensors. Only the little-endian versions 2 and 3 are read.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIX = ".gguf"
_FIRST_BYTES = 2**20
_LONGEST = 128 * 2**20
"""Maximum size of a header: the vocabulary of 262,144 tokens of Gemma 3 takes 16 MiB."""
_MOST_KEYS, _MOST_ITEMS, _MOST_TENSORS, _MOST_DIMENSIONS = 100_000, 4_000_000, 200_000, 8
_MOST_LISTED = 1024
"""Maximum number of items of an array that is kept; of others, such as the tokens, only the number is."""
_LONGEST_TEXT = 2**20
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The formats of `struct` by the numbers of types in gguf.h; then those of texts and arrays."""
_TEXT, _ARRAY = 8, 9


class BadGgufError(ValueError):
    """The header of a GGUF file is invalid, too large, or does not fit the file."""


class Header(NamedTuple):
    """The header of a GGUF file.

    Args:
        values: The values by key: numbers, texts, and short arrays of numbers.
        counts: The number of items of each array, by key.
        tensors: The bytes of each tensor in the file, with the padding behind it.
    """

    values: dict[str, Any]
    counts: dict[str, int]
    tensors: dict[str, int]


def read_header(read: Callable[[int, int], bytes], size: int) -> Header:
    """Return the header of a GGUF file.

    Args:
        read: Returns the bytes of the file from one offset to another, fewer at its end.
        size: The size of the file in bytes.

    Raises:
        BadGgufError: It is not a GGUF file, or its header cannot be read.
    """
    cursor = _Cursor(read, size)
    magic, version, tensors, keys = cursor.unpack("4sIQQ")
    if magic != b"GGUF" or version not in (2, 3):
        raise BadGgufError("it is not a GGUF file of version 2 or 3")
    if keys > _MOST_KEYS or tensors > _MOST_TENSORS:
        raise BadGgufError("its header has too many keys or tensors")
    header = Header({}, {}, {})
    for _ in range(keys):
        _read_value(cursor, cursor.text(), header)
    header.tensors.update(_read_tensors(cursor, tensors, header.values.get("general.alignment", 32)))
    return header


def _read_value(cursor: _Cursor, key: str, header: Header) -> None:
    (kind,) = cursor.unpack("I")
    if kind == _TEXT:
        header.values[key] = cursor.text()
    elif kind != _ARRAY:
        (header.values[key],) = cursor.unpack(_format(kind))
    else:
        kind, count = cursor.unpack("IQ")
        if count > _MOST_ITEMS:
            raise BadGgufError("its header has an array that is too long")
        header.counts[key] = count
        if kind == _TEXT:
            cursor.skip_texts(count)
        elif count <= _MOST_LISTED:
            header.values[key] = [*cursor.unpack(f"{count}{_format(kind)}")]
        else:
            cursor.skip(count * struct.calcsize(_format(kind)))


def _read_tensors(cursor: _Cursor, count: int, alignment: object) -> dict[str, int]:
    """Return the bytes of each tensor, which are those to the next one, or to the end of the file."""
    offsets: dict[str, int] = {}
    for _ in range(count):
        name = cursor.text()
        (dimensions,) = cursor.unpack("I")
        if dimensions > _MOST_DIMENSIONS:
            raise BadGgufError("its header has a tensor with too many dimensions")
        cursor.skip(dimensions * 8 + 4)
        (offsets[name],) = cursor.unpack("Q")
    if not isinstance(alignment, int) or not 0 < alignment <= _FIRST_BYTES:
        raise BadGgufError("its header has no valid alignment")
    start = -(-cursor.position // alignment) * alignment
    ordered = sorted(offsets, key=lambda name: offsets[name])
    ends = [*(offsets[name] for name in ordered[1:]), cursor.size - start]
    sizes = {name: end - offsets[name] for name, end in zip(ordered, ends, strict=False)}
    if any(size < 0 for size in sizes.values()):
        raise BadGgufError("its header lists tensors beyond its end")
    return sizes


def _format(kind: int) -> str:
    if kind not in _FORMATS:
        raise BadGgufError("its header has a value of an unknown type")
    return _FORMATS[kind]


class _Cursor:
    """The part of a file that was read, and a position in it. What is needed is read in growing pieces."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self.size = read, size
        self._data = bytearray()
        self.position = 0

    def unpack(self, form: str) -> tuple[Any, ...]:
        form = f"<{form}"
        start = self.position
        self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self._data, start)

    def text(self) -> str:
        (length,) = self.unpack("Q")
        if length > _LONGEST_TEXT:
            raise BadGgufError("its header has a text that is too long")
        start = self.position
        self.skip(length)
        return self._data[start : self.position].decode(errors="replace")

    def skip(self, count: int) -> None:
        end = self.position + count
        if end > len(self._data):
            self._read_to(end)
        self.position = end

    def skip_texts(self, count: int) -> None:
        """Skip a million texts in a third of a second: these loops are most of the work."""
        data, position = self._data, self.position
        for _ in range(count):
            if position + 8 > len(data):
                self._read_to(position + 8)
            position += 8 + int.from_bytes(data[position : position + 8], "little")
        self.position = position
        self.skip(0)

    def _read_to(self, end: int) -> None:
        stop = min(self.size, _LONGEST, max(end, 2 * len(self._data), _FIRST_BYTES))
        if end <= stop:
            self._data += self._read(len(self._data), stop)
        if end > len(self._data):
            raise BadGgufError("its header is cut short, or too large")
