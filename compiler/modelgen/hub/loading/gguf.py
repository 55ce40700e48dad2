"""Check GGUF files: the parts that llama.cpp opens, and the tokenizer and chat template in their metadata."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelgen.engines.weights.chat_templates import GGUF_TEMPLATE_FLAGS
from modelgen.engines.weights.loaders import parts
from modelgen.hub.cache.following import open_regular
from modelgen.hub.loading.findings import Defect
from modelgen.hub.snapshot.gguf import BadGgufError, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

TOKENIZER, TEMPLATE, ARCHITECTURE = "tokenizer.ggml.model", "tokenizer.chat_template", "general.architecture"
_OTHER = "set another `file` in the model's table, then run `modelgen lock` and `modelgen fetch`"
_FILE = "`file` or `revision`"


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
    elif TEMPLATE not in keys and not plan.is_pooling and not any(flag in plan.args for flag in GGUF_TEMPLATE_FLAGS):
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
    except (OSError, BadGgufError):
        return None


def metadata_keys(path: Path) -> set[str]:
    """Return the keys of the metadata of a GGUF file whose values are not empty.

    Raises:
        BadGgufError: It is not a GGUF file.
        OSError: It cannot be read.
    """
    with open_regular(path) as file:

        def read(start: int, stop: int) -> bytes:
            file.seek(start)
            return file.read(stop - start)

        header = read_header(read, os.fstat(file.fileno()).st_size)
    values = {key for key, value in header.values.items() if value not in ("", [])}
    return values | {key for key, count in header.counts.items() if count}
