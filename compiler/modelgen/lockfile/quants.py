"""List the quantizations that a repository of GGUF files offers, and pick one as llama.cpp's `-hf` does. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)")
# Not compiled here: that takes a millisecond of each build, and few files need it.
_NAME = r"(?i)(?<![A-Za-z0-9])(?:UD-)?(?:I?Q\d\w*|TQ\d_\d|MXFP4\w*|BF16|FP?16|FP?32)(?![A-Za-z0-9])"
# Unsloth's own mixtures: `-hf repo:Q4_K_M` finds `UD-Q4_K_M` too.
_MIXTURE = "UD-"
_PROJECTOR = "mmproj"
# Files beside a model that are none (common/download.cpp, gguf_filename_is_model).
_NO_MODEL = ("imatrix", "mtp-", "eagle3-", "dflash-", "dspark-")
_TAG = re.compile(r"[-.](\w+)$", re.ASCII)


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
        stem = SHARD.sub("", path)
        whole[stem] = whole.get(stem, 0) + size
    models, _ = gguf_files(sizes)
    return sorted(
        (Quant(_name(path), path, whole[SHARD.sub("", path)]) for path in models), key=lambda quant: quant[::-1]
    )


def with_quant(quant: str, paths: Iterable[str]) -> list[str]:
    """Return the GGUF files of a quantization, each the first of its shards; case is ignored."""
    models = {path: _name(path).upper() for path in gguf_files(paths)[0]}
    wanted = quant.upper()
    exact = [path for path, name in models.items() if name == wanted]
    return exact or [path for path, name in models.items() if name.removeprefix(_MIXTURE) == wanted]


def projector_for(model: str, paths: Iterable[str]) -> str | None:
    """Return the vision part for a GGUF file: in its folder or one above, the nearest in bits; None without one.

    This is what llama.cpp loads with `-hf` (common/download.cpp, find_best_sibling).
    """
    folder, bits = model.split("/")[:-1], _bits(model)
    found: list[tuple[int, int, str]] = []
    for path in paths:
        own = path.split("/")[:-1]
        if path.endswith(".gguf") and _PROJECTOR in path.lower() and folder[: len(own)] == own:
            found.append((-len(own), abs(_bits(path) - bits), path))
    return min(found)[2] if found else None


def gguf_files(paths: Iterable[str]) -> tuple[list[str], str | None]:
    """Return the GGUF files of models, by their first shards, and the first one of a vision part."""
    models, mmproj = [], None
    for path in sorted(path for path in paths if path.endswith(".gguf")):
        name, shard = path.rpartition("/")[2].lower(), SHARD.search(path)
        if _PROJECTOR in name:
            mmproj = mmproj or path
        elif (shard is None or int(shard[1]) == 1) and not any(part in name for part in _NO_MODEL):
            models.append(path)
    return models, mmproj


def all_shards(file: str) -> str:
    """Return a pattern for all shards of a split GGUF, which is named by its first shard."""
    import glob

    shard = SHARD.search(file)
    return f"{glob.escape(file[: shard.start()])}-*-of-{shard[2]}.gguf" if shard else glob.escape(file)


def _name(path: str) -> str:
    stem = SHARD.sub("", path).removesuffix(".gguf")
    named = re.findall(_NAME, stem.rpartition("/")[2]) or re.findall(_NAME, stem)
    return str(named[-1]) if named else stem.rpartition("/")[2]


def _bits(path: str) -> int:
    """Return the 4 of `model-Q4_K_M.gguf`; 0 for a name without a number at its end."""
    tag = _TAG.search(SHARD.sub("", path).removesuffix(".gguf"))
    digits = re.search(r"\d+", tag[1]) if tag else None
    return int(digits[0]) if digits else 0
