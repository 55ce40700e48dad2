"""Read how many bytes of tensors of each dtype a safetensors file has, from its header alone.

The format: eight bytes, the size of the header as a little-endian number; the header, JSON; the tensors
(huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUFFIX = ".safetensors"
FIRST_BYTES = 100_000
"""Number of first bytes that contain almost every header (huggingface_hub#1855)."""
_PREFIX = 8
_LONGEST = 100_000_000  # the limit of safetensors itself


class BadWeightsError(ValueError):
    """The header of a safetensors file is invalid, or does not fit the file."""


def bytes_by_dtype(read: Callable[[int, int], bytes], size: int) -> dict[str, int]:
    """Return the bytes of tensors of each dtype.

    Args:
        read: Returns the bytes of the file from one offset to another, fewer at its end.
        size: The size of the file in bytes.

    Raises:
        BadWeightsError: The header is invalid, or does not fit the size of the file.
    """
    first = read(0, min(FIRST_BYTES, size))
    length = int.from_bytes(first[:_PREFIX], "little")
    if len(first) < _PREFIX or length > min(_LONGEST, size - _PREFIX):
        raise BadWeightsError("it is not a safetensors file")
    end = _PREFIX + length
    header = first[_PREFIX:end] if end <= len(first) else first[_PREFIX:] + read(len(first), end)
    if len(header) != length:
        raise BadWeightsError("its header is cut short")
    return _sum(_parse(header), size - end)


def read_local(path: Path) -> Callable[[int, int], bytes]:
    """Return a reader of a file on this host."""

    def read(start: int, stop: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    return read


def _parse(header: bytes) -> dict[str, Any]:
    try:
        tensors = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise BadWeightsError("its header is not JSON") from error
    if not isinstance(tensors, dict):
        raise BadWeightsError("its header is not a table")
    return {name: tensor for name, tensor in tensors.items() if name != "__metadata__"}


def _sum(tensors: dict[str, Any], available: int) -> dict[str, int]:
    sums: dict[str, int] = {}
    last = 0
    for name, tensor in tensors.items():
        # A `match` statement takes four times as long, and a large snapshot has 10,000 tensors.
        dtype, span = (tensor.get("dtype"), _span(tensor)) if isinstance(tensor, dict) else (None, None)
        if not isinstance(dtype, str) or span is None:
            raise BadWeightsError(f"its header is wrong about the tensor {name[:80]}")
        start, stop = span
        sums[dtype] = sums.get(dtype, 0) + stop - start
        last = max(last, stop)
    if last != available:
        raise BadWeightsError(f"its header lists {last:,} bytes of tensors, and it has {available:,}")
    # The format allows no gaps and no overlaps, so a damaged number is detected.
    if sum(sums.values()) != last:
        raise BadWeightsError("its header is wrong about where its tensors are")
    return sums


def _span(tensor: dict[str, Any]) -> tuple[int, int] | None:
    """Return where a tensor starts and stops; None if its offsets are no such pair."""
    offsets = tensor.get("data_offsets")
    if not isinstance(offsets, list) or len(offsets) != 2:
        return None
    start, stop = offsets
    return (start, stop) if isinstance(start, int) and isinstance(stop, int) and 0 <= start <= stop else None
