"""List the quantizations that a repository of GGUF files offers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.hub.snapshot.checkpoint import gguf_files

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")
_NAME = re.compile(
    r"(?<![A-Za-z0-9])(?:UD-)?(?:I?Q\d\w*|TQ\d_\d|MXFP4\w*|BF16|FP?16|FP?32)(?![A-Za-z0-9])", re.IGNORECASE
)


class Quant(NamedTuple):
    """One form of the weights.

    Args:
        name: Its name, such as `Q4_K_M`; the name of the file if that has none.
        file: The GGUF file, the first of several.
        size: Bytes of all its files.
    """

    name: str
    file: str
    size: int


def find_quants(sizes: Mapping[str, int]) -> list[Quant]:
    """Return the quantizations, the smallest first.

    Args:
        sizes: The size of each file of the repository, by path.
    """
    whole: dict[str, int] = {}
    for path, size in sizes.items():
        stem = _SHARD.sub("", path)
        whole[stem] = whole.get(stem, 0) + size
    models, _ = gguf_files(sizes)
    return sorted(
        (Quant(_name(path), path, whole[_SHARD.sub("", path)]) for path in models), key=lambda quant: quant[::-1]
    )


def _name(path: str) -> str:
    stem = _SHARD.sub("", path).removesuffix(".gguf")
    named = _NAME.findall(stem.rpartition("/")[2]) or _NAME.findall(stem)
    return str(named[-1]) if named else stem.rpartition("/")[2]
