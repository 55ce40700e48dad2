"""Check GGUF files: the parts that llama.cpp opens, and the tokenizer and chat template in their metadata."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from modelgen.engines.weights.loaders import parts
from modelgen.hub.cache.following import open_regular
from modelgen.hub.loading.findings import Defect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

TOKENIZER, TEMPLATE, ARCHITECTURE = "tokenizer.ggml.model", "tokenizer.chat_template", "general.architecture"
_TEMPLATE_FLAGS = ("chat-template", "chat-template-file", "jinja-template")
_OTHER = "set another `file` in the model's table, then run `modelgen lock` and `modelgen fetch`"
_FILE = "`file` or `revision`"
# The types by their numbers in gguf.h: sizes of the plain types; then text and arrays.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY = 8, 9
_MOST_BYTES = 256 * 2**20
_MOST_KEYS, _MOST_ITEMS = 100_000, 4_000_000


def bad_gguf(plan: Plan, files: Files) -> Iterator[Defect]:
    """Yield a defect for each file that llama.cpp does not find or cannot read.

    Args:
        plan: The plan of the model.
        files: The model's snapshot.
    """
    for path in (*parts(plan.file or ""), *([plan.mmproj] if plan.mmproj else [])):
        if path not in files:
            yield Defect("gguf", path)
            continue
        keys = _keys(files, path)
        if keys is None:
            yield Defect("gguf", path, "is not a GGUF file, or its metadata cannot be read", keys=_FILE)
        elif path == plan.file:
            yield from _incomplete(plan, path, keys)


def _incomplete(plan: Plan, path: str, keys: set[str]) -> Iterator[Defect]:
    if ARCHITECTURE not in keys:
        yield Defect("gguf", path, f"has no architecture ({ARCHITECTURE})", help=_OTHER)
        return
    if TOKENIZER not in keys:
        yield Defect("tokenizer", path, f"contains no tokenizer ({TOKENIZER})", help=_OTHER)
    elif TEMPLATE not in keys and not plan.is_pooling and not any(flag in plan.args for flag in _TEMPLATE_FLAGS):
        yield Defect(
            "chat-template",
            path,
            f"contains no chat template ({TEMPLATE}): llama.cpp uses ChatML, which may be wrong",
            help="set `chat-template-file` in the model's `args` if clients chat with it; otherwise ignore this",
            is_wrong=False,
        )


def _keys(files: Files, path: str) -> set[str] | None:
    place = files.place(path)
    if place is None:
        return None
    try:
        return metadata_keys(place)
    except (OSError, ValueError, struct.error):
        return None


def metadata_keys(path: Path) -> set[str]:
    """Return the keys of the metadata of a GGUF file whose values are not empty.

    Raises:
        ValueError: It is not a GGUF file.
        OSError: It cannot be read.
    """
    with open_regular(path) as raw:
        import io

        file = io.BufferedReader(raw, 2**16)
        magic, version, _, count = struct.unpack("<4sIQQ", _exactly(file, 24))
        if magic != b"GGUF" or version not in (2, 3) or count > _MOST_KEYS:
            raise ValueError("not a GGUF file")
        keys = set[str]()
        for _ in range(count):
            key = _exactly(file, _number(file, 8)).decode(errors="replace")
            if _skip(file, _number(file, 4)):
                keys.add(key)
            if file.tell() > _MOST_BYTES:
                raise ValueError("too much metadata")
        return keys


def _skip(file: BinaryIO, kind: int) -> bool:
    """Skip a value, and return whether it is not empty."""
    if kind == _TEXT:
        return bool(_exactly(file, _number(file, 8)))
    if kind != _ARRAY:
        return bool(_exactly(file, _SIZES.get(kind, -1)) or True)
    inner, count = _number(file, 4), _number(file, 8)
    if inner == _ARRAY or count > _MOST_ITEMS:
        raise ValueError("no such array")
    if inner in _SIZES:
        _exactly(file, _SIZES[inner] * count)
    else:
        for _ in range(count):
            _skip(file, inner)
    return count > 0


def _number(file: BinaryIO, size: int) -> int:
    return int.from_bytes(_exactly(file, size), "little")


def _exactly(file: BinaryIO, size: int) -> bytes:
    if not 0 <= size <= _MOST_BYTES:
        raise ValueError("no such size")
    data = file.read(size)
    if len(data) != size:
        raise ValueError("ends early")
    return data
