"""List the files of a local checkpoint: regular files, links followed, hidden files left out."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from modelgen.files import InputError, ModelgenError
from modelgen.hub.cache.following import KINDS
from modelgen.hub.snapshot.left_out import choose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_FILES = 20_000
# Files that a training run leaves beside its result; an optimizer's state is twice as large as the model.
_TRAINING = re.compile(
    r"(optimizer|scheduler|scaler)\.(pt|bin)|rng_state.*\.pth|training_args\.bin|checkpoint-\d+|global_step\d+|runs|wandb|__pycache__"
)
# Files of a checkpoint that an engine may open. Engines see the whole snapshot, so no other files are added.
_SERVED = re.compile(
    r".*\.(safetensors|gguf|json|txt|model|tiktoken|jinja|py|bin|pt|pth|onnx|onnx_data|tensors)|(tokenizer|vocab).*"
    r"|(license|notice)[^/]*|readme\.md",
    re.IGNORECASE | re.DOTALL,
)
_OF_TRAINING = re.compile(r"(trainer_state|trainer_log|(train|eval|all|test|predict)_results|training_args)\.json")
# Pickled weights, or those of another engine, are used only if there are no others.
_TWICE = (".bin", ".pt", ".pth", ".onnx", ".onnx_data")
# TEI on a CPU prefers these to safetensors, and the engine of a checkpoint is not known here.
_FOR_ONNX_RUNTIME = re.compile(r"(onnx/)?model\.onnx(_data)?")
_MODULES = "modules.json"
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MARKS = ("config.json", "params.json", "adapter_config.json")


@dataclass(frozen=True, slots=True)
class Source:
    """A user's file.

    Args:
        path: The path with links resolved.
        status: The status when it was found.
    """

    path: Path
    status: os.stat_result

    @property
    def size(self) -> int:
        """In bytes."""
        return self.status.st_size

    def has_changed(self) -> bool:
        """Return whether the file was changed since it was found."""
        try:
            now = self.path.stat()
        except OSError:
            return True
        was = self.status
        return (now.st_ino, now.st_size, now.st_mtime_ns) != (was.st_ino, was.st_size, was.st_mtime_ns)


def find_sources(path: Path) -> tuple[dict[str, Source], list[str]]:
    """Return the files of a checkpoint by their paths in it, and the names of files that no engine needs.

    Args:
        path: A folder, a snapshot of links, or one GGUF file.

    Raises:
        InputError: It is not a checkpoint, or contains something that is not a file.
        ModelgenError: It cannot be read.
    """
    try:
        if path.is_file():
            return _with_shards(path), []
        if not path.is_dir():
            raise InputError(
                f"{path} {'is not a folder' if os.path.lexists(path) else 'does not exist'}; pass a checkpoint's folder"
            )
        if not any(name in _MARKS or name.endswith(".gguf") for name in _names(path)):
            raise InputError(
                f"no engine could load {path}: there is no config.json in it, nor an adapter_config.json or a GGUF file"
            )
        found: dict[str, Source] = {}
        skipped: list[str] = []
        for name, source in _walk(path, "", (), _Rest(path.resolve(), skipped)):
            found[name] = source
            if len(found) > _MOST_FILES:
                raise InputError(f"{path} has more than {_MOST_FILES:,} files; pass the checkpoint's own folder")
    except OSError as error:
        place = error.filename or path
        raise ModelgenError(
            f"cannot read {place}: {(error.strerror or str(error)).lower()}; make it readable"
        ) from error
    kept = {*choose(found, (), ()).kept}
    is_embedding = _MODULES in found
    twice = [
        name
        for name in found
        if name.endswith(_TWICE) and name not in kept and not (is_embedding and _FOR_ONNX_RUNTIME.fullmatch(name))
    ]
    return {name: found[name] for name in found if name not in twice}, sorted([*skipped, *twice])


def _with_shards(path: Path) -> dict[str, Source]:
    """Return a single GGUF file, or all shards of the one that it is a part of."""
    if path.suffix != ".gguf":
        raise InputError(f"{path} is not a GGUF file; pass the folder of the checkpoint")
    shard = re.fullmatch(r"(.*)-\d{5}-of-(\d{5}\.gguf)", path.name)
    if shard is None:
        return {path.name: _source(path)}
    pattern = re.compile(re.escape(shard[1]) + r"-\d{5}-of-" + re.escape(shard[2]))
    return {name: _source(path.parent / name) for name in _names(path.parent) if pattern.fullmatch(name)}


class _Rest(NamedTuple):
    """The folder of the checkpoint, with links resolved, and the files that are left out."""

    root: Path
    skipped: list[str]


def _walk(folder: Path, name: str, above: tuple[tuple[int, int], ...], rest: _Rest) -> Iterator[tuple[str, Source]]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise InputError(f"{folder} is a link to one of its parent folders; remove it")
    for entry in _names(folder):
        path = f"{name}{entry}"
        place = folder / entry
        is_folder = place.is_dir()
        if entry.startswith(".") or _TRAINING.fullmatch(entry) or not (is_folder or _is_served(entry)):
            rest.skipped.append(path)
            continue
        _check_link(place, rest.root)
        if is_folder:
            yield from _walk(place, f"{path}/", (*above, here), rest)
        else:
            yield path, _source(place)


def _is_served(name: str) -> bool:
    return _SERVED.fullmatch(name) is not None and _OF_TRAINING.fullmatch(name) is None


def _check_link(place: Path, root: Path) -> None:
    """Refuse a link out of the checkpoint, unless it leads to a blob of a hub cache."""
    if not place.is_symlink() or not place.exists():
        return
    target = place.resolve()
    is_blob = _BLOB.fullmatch(target.name) is not None and "blobs" in target.parts
    if not is_blob and not target.is_relative_to(root):
        raise InputError(f"{place} is a link out of the folder, to {target}; replace it by a copy, or remove it")


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _source(path: Path) -> Source:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"{path} is a dangling symlink; restore its target, or remove it") from None
    except OSError as error:
        if path.is_symlink() and not os.access(path, os.F_OK):
            raise InputError(f"{path} is a broken link ({(error.strerror or '').lower()}); remove it") from error
        raise
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "no file")
        raise InputError(f"{path} is {kind}, not a file; remove it")
    return Source(path.resolve(), status)
