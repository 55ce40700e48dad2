"""Headers of safetensors files: what they say, and what is none."""

from __future__ import annotations

import contextlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lock_project import safetensors
from modelgen.hub.snapshot.weights import FIRST_BYTES, BadWeightsError, bytes_by_dtype


def read(data: bytes, size: int | None = None) -> dict[str, int]:
    return bytes_by_dtype(lambda start, stop: data[start:stop], len(data) if size is None else size)


def header(tables: object) -> bytes:
    text = json.dumps(tables).encode()
    return struct.pack("<Q", len(text)) + text


def test_bytes_are_summed_by_dtype() -> None:
    data = safetensors(a=("BF16", 10), b=("F8_E4M3", 4), c=("BF16", 6))
    assert read(data) == {"BF16": 16, "F8_E4M3": 4}
    assert read(safetensors()) == {}


def test_a_header_may_be_longer_than_what_is_read_first() -> None:
    assert read(safetensors(padding=3 * FIRST_BYTES, a=("F32", 8))) == {"F32": 8}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "not a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a safetensors file"),
        (struct.pack("<Q", 2) + b"[]", "not a table"),
        (struct.pack("<Q", 2) + b"{]", "not JSON"),
        (header({"a": {"dtype": "F32", "data_offsets": [4, 0]}}), "wrong about the tensor a"),
        (header({"a": {"dtype": "F32"}}), "wrong about the tensor a"),
        (safetensors(missing=1, a=("F32", 8)), "8 bytes of tensors, and it has 7"),
        (safetensors(a=("F32", 8)) + b"x", "8 bytes of tensors, and it has 9"),
    ],
)
def test_what_does_not_fit_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(BadWeightsError, match=fault):
        read(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadWeightsError):
        assert sum(read(data).values()) <= len(data)
