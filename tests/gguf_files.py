"""Make small GGUF files: metadata, and tensors of zeros."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Value: TypeAlias = "str | int | float | list[str] | list[int] | list[bool]"
_ALIGNMENT = 32


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(*metadata: tuple[str, Value], tensors: Mapping[str, int] | None = None, count: int | None = None) -> bytes:
    """Return a GGUF file.

    Args:
        metadata: Keys and values.
        tensors: The bytes of each tensor.
        count: The number of keys that the header states; None for the right one.
    """
    tensors = tensors or {}
    data = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata) if count is None else count)
    for key, value in metadata:
        data += text(key) + _typed(value)
    offset, body = 0, b""
    for name, size in tensors.items():
        data += text(name) + struct.pack("<IQIQ", 1, size, 24, offset)  # one dimension of 8-bit numbers
        body += bytes(-(-size // _ALIGNMENT) * _ALIGNMENT)
        offset = len(body)
    return data + bytes(-len(data) % _ALIGNMENT) + body if tensors else data


def _typed(value: Value) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + text(value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(str(one)) for one in value)
        case [bool(), *_]:
            return struct.pack("<IIQ", 9, 7, len(value)) + bytes(value)  # type: ignore[arg-type]
        case _:
            return struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)
