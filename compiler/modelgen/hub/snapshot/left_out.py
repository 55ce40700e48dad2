"""Select the files of a repository that serving needs. Pure: paths in, paths out.

A file is left out only if no engine reads it while another form of it is present. In doubt a file is kept: an extra
file costs a minute, a missing one makes the model useless on a host without internet. Where the loaders are known,
every file that one of them reads is kept, and forms of the weights that none of them reads are left out.
"""

from __future__ import annotations

import glob
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from modelgen.hub.snapshot.variants import PATTERNS as VARIANTS
from modelgen.hub.snapshot.variants import variants
from modelgen.lockfile.loading import missing_pattern, read_by

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from modelgen.loader import Loader

# Meta's and OpenAI's own formats beside the converted one, OpenVINO's and Apple's conversions.
_OTHER_FOLDERS = ("original/*", "metal/*", "openvino/*", "coreml/*")
# Weights of other frameworks, and pickles that none of the engines opens.
_OTHER_FORMATS = ("*.h5", "*.msgpack", "*.onnx", "*.onnx_data", "*.ot", "*.pth", "*.tflite")
# A second copy of the weights, if safetensors are in the same folder; `2_Dense/pytorch_model.bin` of
# sentence-transformers has none beside it.
_TWICE = ("*.bin", "*.bin.index.json", "*.pt")
# Other `.pt` files are no second copy: vLLM reads bge-m3's heads from `sparse_linear.pt` and `colbert_linear.pt`, and
# code of speech models its voices from `spk_dict.pt`.
_SECOND_PT = re.compile(
    r"(.*[-_.])?(model|optimizer|scheduler|scaler|rng_state|training_args|consolidated)([-_.].*)?\.pt"
)
# The formats of one model's weights that may be side by side at the top of a repository.
_FORMS = (
    "consolidated*.safetensors",
    "consolidated*.safetensors.index.json",
    "model-rank-*-part-*.safetensors",
    "model-pp-*-tp-*-part-*.safetensors",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
    "*.tensors",
    "*.bin",
    "*.bin.index.json",
    "*.pt",
    "*.gguf",
)
_INDEX = ".index.json"
_PICTURES = ("*.gif", "*.jpeg", "*.jpg", "*.mov", "*.mp4", "*.pdf", "*.png", "*.svg", "*.webp")
_SAFETENSORS = ".safetensors"


class Choice(NamedTuple):
    """The selected paths of a repository.

    Args:
        kept: The files to fetch, in the order of the paths.
        left_out: Patterns of files that serving does not need; they match no file that is kept.
        unneeded: The paths that these match.
        not_included: The paths that `include` does not name.
        include: The patterns that decided; empty without any.
    """

    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()
    not_included: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def choose(
    paths: Iterable[str], include: Sequence[str], exclude: Sequence[str], loaders: Sequence[Loader] = ()
) -> Choice:
    """Return which of `paths` to fetch.

    Args:
        paths: All files of the repository.
        include: The user's patterns; if there are any, only they decide.
        exclude: The user's patterns of files to leave out.
        loaders: The loaders of all models that share the repository; empty if unknown.
    """
    wanted = [path for path in paths if not matches(path, exclude)]
    if include:
        kept = tuple(path for path in wanted if matches(path, include))
        return Choice(kept, not_included=tuple(path for path in wanted if path not in set(kept)))
    unneeded: dict[str, None] = {}
    found_by: list[tuple[str, list[str]]] = []
    for pattern, is_unneeded in _rules(wanted, loaders):
        if found := [path for path in wanted if matches(path, (pattern,)) and is_unneeded(path)]:
            found_by.append((pattern, [path for path in found if path not in unneeded]))
            unneeded.update(dict.fromkeys(found))
    kept = tuple(path for path in wanted if path not in unneeded)
    if not kept:  # a repository with weights only, for a loader that reads none
        return Choice(tuple(wanted))
    patterns = [name for pattern, found in found_by for name in _names(pattern, found, kept, loaders)]
    return Choice(kept, tuple(patterns), tuple(path for path in wanted if path in unneeded))


def _names(pattern: str, found: Sequence[str], kept: Sequence[str], loaders: Sequence[Loader]) -> list[str]:
    """Return the pattern that left files out, or their names if it would match others."""
    is_plain = not any(matches(path, (pattern,)) for path in kept)
    # An entry is checked by its patterns later: a pattern of files that never existed would be misleading.
    if found and is_plain and not any(missing_pattern(loader, kept, [pattern]) for loader in loaders):
        return [pattern]
    return [glob.escape(path) for path in found]


def matches(path: str, patterns: Iterable[str]) -> bool:
    r"""Return whether a pattern matches as on the hub: `*` also matches `/`, a trailing `/` means all below it.

    The same as `filter_repo_objects` of huggingface_hub, which takes `\\` for `/` too.
    """
    return any(fnmatchcase(path, _whole(pattern.replace("\\", "/"))) for pattern in patterns)


def _whole(pattern: str) -> str:
    return f"{pattern}*" if pattern.endswith("/") else pattern


def nearest(pattern: str, paths: Collection[str], count: int = 3) -> list[str]:
    """Return the paths most like a pattern that matched none."""
    from difflib import get_close_matches

    close = get_close_matches(pattern, paths, n=count, cutoff=0.5)
    if not close:
        by_name = {path.rpartition("/")[2]: path for path in sorted(paths, reverse=True)}
        close = [by_name[name] for name in get_close_matches(pattern.rpartition("/")[2], by_name, n=count, cutoff=0.4)]
    suffix = pattern.rpartition(".")[2]
    return close or sorted(path for path in paths if path.endswith(f".{suffix}"))[:count]


def _rules(paths: Sequence[str], loaders: Sequence[Loader]) -> list[tuple[str, Callable[[str], bool]]]:
    """Return patterns, each with a condition under which a matching path is not needed."""
    own = [path for path in paths if not matches(path, _OTHER_FOLDERS)]
    second = variants(own)
    own = [path for path in own if path not in second]
    safetensors = {_folder(path) for path in own if path.endswith(_SAFETENSORS)}
    shards = {_folder(path) for path in own if _is_shard(path)}
    has_weights = bool(safetensors) or any(path.endswith((".bin", ".pt", ".gguf")) for path in own)
    read = {path for loader in loaders for path in read_by(loader, own)}
    is_chosen = bool(loaders) and all(read_by(loader, own) or not loader.globs for loader in loaders)

    def in_another_form(path: str) -> bool:
        return is_chosen and _folder(path) == "" and not _is_head(path) and not _is_read(path, read)

    return [
        *((pattern, lambda path: has_weights and path not in read) for pattern in (*_OTHER_FOLDERS, *_OTHER_FORMATS)),
        *((pattern, second.__contains__) for pattern in VARIANTS),
        *((pattern, in_another_form) for pattern in _FORMS),
        *(
            (pattern, lambda path: _folder(path) in safetensors and not _is_head(path) and not _is_read(path, read))
            for pattern in _TWICE
        ),
        # Mistral's own format beside that of transformers.
        *(
            (f"consolidated*{end}", lambda path: _folder(path) in shards and not _is_read(path, read))
            for end in (_SAFETENSORS, f"{_SAFETENSORS}{_INDEX}")
        ),
        ("*.gguf", lambda path: bool(safetensors) and path not in read),
        *((pattern, lambda _: True) for pattern in _PICTURES),
    ]


def _is_head(path: str) -> bool:
    """Return whether a `.pt` file is no second copy of the weights."""
    name = path.rpartition("/")[2]
    return name.endswith(".pt") and _SECOND_PT.fullmatch(name) is None


def _is_read(path: str, read: Collection[str]) -> bool:
    """Return whether a loader reads a file; an index is read with its shards."""
    if not path.endswith(_INDEX):
        return path in read
    stem, suffix = path.removesuffix(_INDEX).rsplit(".", 1)
    return any(other.startswith(stem) and other.endswith(f".{suffix}") for other in read)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _is_shard(path: str) -> bool:
    """Return whether a file holds weights as transformers names them."""
    return path.endswith(_SAFETENSORS) and not path.rpartition("/")[2].startswith("consolidated")
