"""Which files of a repository serving needs. Pure: paths in, paths out.

What is left out is what no engine reads while something else is there that it does read. In doubt a file is kept: a
byte too many costs a minute, a missing one costs a host without internet its model.
"""

from __future__ import annotations

import glob
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

# Meta's and OpenAI's own formats beside the converted one, OpenVINO's and Apple's conversions.
_OTHER_FOLDERS = ("original/*", "metal/*", "openvino/*", "coreml/*")
# Weights of other frameworks, and pickles that none of the engines opens.
_OTHER_FORMATS = ("*.h5", "*.msgpack", "*.onnx", "*.onnx_data", "*.ot", "*.pth", "*.tflite")
# The same weights once more, if safetensors lie in the same folder; sentence-transformers' `2_Dense/pytorch_model.bin`
# has none beside it. vLLM reads bge-m3's heads from `sparse_linear.pt` and `colbert_linear.pt`.
_TWICE = ("*.bin", "*.bin.index.json", "*.pt")
_HEADS = "*_linear.pt"
_PICTURES = ("*.gif", "*.jpeg", "*.jpg", "*.mov", "*.mp4", "*.pdf", "*.png", "*.svg", "*.webp")
_SAFETENSORS = ".safetensors"


class Choice(NamedTuple):
    """Some paths of a repository.

    Args:
        kept: What to fetch, in the order of the paths.
        left_out: Patterns of what serving does not need; a pattern matches nothing that is kept.
        unneeded: The paths that these match.
        unasked: The paths that `include` does not name.
    """

    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()


def choose(paths: Iterable[str], include: Sequence[str], exclude: Sequence[str]) -> Choice:
    """Return which of `paths` to fetch.

    Args:
        paths: All files of the repository.
        include: Patterns of the user's; where there are some, they alone decide.
        exclude: Patterns of what the user does not want.
    """
    wanted = [path for path in paths if not matches(path, exclude)]
    if include:
        kept = tuple(path for path in wanted if matches(path, include))
        return Choice(kept, unasked=tuple(path for path in wanted if path not in set(kept)))
    unneeded: dict[str, None] = {}
    patterns: list[str] = []
    for pattern, is_unneeded in _rules(wanted):
        matched = [path for path in wanted if matches(path, (pattern,)) and path not in unneeded]
        if found := [path for path in matched if is_unneeded(path)]:
            unneeded.update(dict.fromkeys(found))
            patterns += [pattern] if found == matched else [glob.escape(path) for path in found]
    kept = tuple(path for path in wanted if path not in unneeded)
    return Choice(kept, tuple(patterns), tuple(path for path in wanted if path in unneeded))


def matches(path: str, patterns: Iterable[str]) -> bool:
    r"""Return whether a pattern matches, as the hub's own do: `*` crosses folders, a trailing `/` means all below it.

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


def _rules(paths: Sequence[str]) -> list[tuple[str, Callable[[str], bool]]]:
    """Return patterns, each with what must hold of a path that it matches to be unneeded."""
    own = [path for path in paths if not matches(path, _OTHER_FOLDERS)]
    safetensors = {_folder(path) for path in own if path.endswith(_SAFETENSORS)}
    shards = {_folder(path) for path in own if _is_shard(path)}
    has_weights = bool(safetensors) or any(path.endswith((".bin", ".pt", ".gguf")) for path in own)
    return [
        *((pattern, lambda _: has_weights) for pattern in (*_OTHER_FOLDERS, *_OTHER_FORMATS)),
        *((pattern, lambda path: _folder(path) in safetensors and not matches(path, (_HEADS,))) for pattern in _TWICE),
        # Mistral's own format beside the one of transformers.
        *(
            (f"consolidated*{end}", lambda path: _folder(path) in shards)
            for end in (_SAFETENSORS, ".safetensors.index.json")
        ),
        ("*.gguf", lambda _: bool(safetensors)),
        *((pattern, lambda _: True) for pattern in _PICTURES),
    ]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _is_shard(path: str) -> bool:
    """Return whether a file holds weights as transformers names them."""
    return path.endswith(_SAFETENSORS) and not path.rpartition("/")[2].startswith("consolidated")
