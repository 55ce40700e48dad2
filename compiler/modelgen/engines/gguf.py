"""Parse names of GGUF files: a large model is split into parts, and named by the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
"""The end of a file's name that is a part of a split GGUF: its number, and how many there are."""


def parts(file: str) -> Iterator[str]:
    """Yield the files that a model is in: all parts of a split one, which is named by the first."""
    shard = SHARD.search(file)
    if not shard:
        yield from [file] if file else []
        return
    for number in range(1, int(shard[2]) + 1):
        yield f"{file[: shard.start()]}-{number:05}-of-{shard[2]}.gguf"
