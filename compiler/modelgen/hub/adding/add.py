"""Put a checkpoint of the user's into the hub directory, in the hub's layout, under a commit computed from its content.

Blobs are placed first, then links, then refs. After a kill at any moment, no incomplete snapshot has a ref, and the
next run completes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from modelgen.files import InputError, ModelgenError
from modelgen.hub.adding.placing import can_link, put_blobs, put_plain
from modelgen.hub.adding.stage import Staged, clone, take
from modelgen.hub.cache import publishing
from modelgen.hub.cache.following import open_regular
from modelgen.hub.cache.hashing import Digest, in_parallel
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.cache.layout import DEFAULT_REF, Checkout
from modelgen.hub.cache.small_files import leads_elsewhere, wrong_small_files
from modelgen.lockfile.entries import File
from modelgen.lockfile.repos import OWN_FOLDER, is_commit, repo_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from modelgen.hub.adding.sources import Source

# The hub keeps these files outside git, by its default .gitattributes, and all files of more than 10 MB.
_LARGE_NAME = re.compile(
    r".*\.(7z|arrow|bin|bz2|ckpt|ftz|gguf|gz|h5|joblib|mlmodel|model|msgpack|np[yz]|onnx|ot|parquet|pb|pickle|pkl|pth?|rar"
    r"|safetensors|tar|tflite|tgz|wasm|xz|zip|zst)",
    re.IGNORECASE | re.DOTALL,
)
_LARGE_BYTES = 10 * 10**6
_SEED = b"modelgen local 1\n"


@dataclass(frozen=True)
class Added:
    """The result of an addition.

    Args:
        checkout: The repository with the new files.
        before: The previous commit of the repository; None for a new one.
        is_new: Whether anything was written.
        copied: Bytes that were copied.
    """

    checkout: Checkout
    before: str | None
    is_new: bool
    copied: int


def add(hub: Path, repo: str, sources: Mapping[str, Source], advanced: Callable[[int], None]) -> Added:
    """Add files to the hub directory, which the caller has locked.

    Args:
        hub: The hub directory.
        repo: `local/…`.
        sources: The files by path in the snapshot.
        advanced: Called by several threads with the number of bytes read.

    Raises:
        InputError: A name is not valid in a lock, or a file changed meanwhile.
        ModelgenError: There is not enough space.
        OSError: The hub directory cannot be written.
    """
    stage = hub / OWN_FOLDER / "adding"
    shutil.rmtree(stage, ignore_errors=True)  # left by a killed run
    make_folder(stage)
    try:
        for path in sources:
            _entry(path, 0, "0" * 64)
        has_links = can_link(stage)
        blobs = hub / repo_folder(repo) / "blobs"
        # Without links, a snapshot has its own files, whatever blobs a copied hub directory contains.
        known = dict(_present(blobs, sources, advanced)) if has_links else {}
        staged = clone({path: source for path, source in sources.items() if path not in known}, stage)
        copied = sum(one.source.size for one in staged.values() if not one.is_clone)
        _check_room(hub, copied)

        def read(item: tuple[str, Staged]) -> tuple[str, File]:
            path, one = item
            return path, _entry(path, one.source.size, take(one, is_large(path, one.source.size), advanced))

        biggest_first = sorted(staged.items(), key=lambda item: -item[1].source.size)
        files = {**known, **dict(in_parallel(read, biggest_first))}
        for path, source in sources.items():
            if source.has_changed():
                raise InputError(f"{path} changed while it was added; run it again when no program writes to it")
        checkout = Checkout(hub, repo, commit_of(files.values()), dict(sorted(files.items())), (DEFAULT_REF,), ())
        before = _main(checkout)
        is_new = _publish(checkout, staged, has_links=has_links)
        return Added(checkout, before, is_new, copied)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def commit_of(files: Iterable[File]) -> str:
    """Return 40 hex digits computed from the paths, sizes and hashes of all files."""
    digest = hashlib.sha256(_SEED)
    for file in sorted(files, key=lambda file: file.path):
        digest.update(f"{file.path}\0{file.size}\0{file.etag}\n".encode())
    return digest.hexdigest()[:40]


def is_large(path: str, size: int) -> bool:
    """Return whether the hub would keep a file outside git, and so name it by its SHA-256."""
    return size > _LARGE_BYTES or _LARGE_NAME.fullmatch(path) is not None


def _entry(path: str, size: int, etag: str) -> File:
    try:
        return File(path=path, size=size, sha256=etag) if len(etag) == 64 else File(path=path, size=size, blob=etag)
    except ValidationError as error:
        raise InputError(f"{path!r} is not a valid file name on every system; rename it") from error


def _present(blobs: Path, sources: Mapping[str, Source], advanced: Callable[[int], None]) -> Iterable[tuple[str, File]]:
    """Yield the files whose intact content is there already, and not as a hard link that others made."""
    sizes = set()
    with contextlib.suppress(OSError), os.scandir(blobs) as entries:
        sizes = {entry.stat().st_size for entry in entries if entry.is_file(follow_symlinks=False)}

    def look(item: tuple[str, Source]) -> tuple[str, File] | None:
        path, source = item
        etag = _hash(source.path, source.size, is_large(path, source.size), advanced)
        blob = blobs / etag
        if blob.is_symlink() or not blob.is_file():
            return None
        if blob.stat().st_nlink > 1:
            return None  # an edit of the other name would change it
        if _hash(blob, source.size, len(etag) == 64, lambda _: None) != etag:
            return None
        return path, _entry(path, source.size, etag)

    candidates = [(path, source) for path, source in sources.items() if source.size in sizes]
    return [found for found in in_parallel(look, candidates) if found is not None]


def _hash(path: Path, size: int, large: bool, advanced: Callable[[int], None]) -> str:  # noqa: FBT001
    digest = Digest(None if large else size)
    with open_regular(path) as file:
        digest.add_open(file, advanced)
    return digest.hex()


def _check_room(hub: Path, size: int) -> None:
    free = shutil.disk_usage(hub).free
    if size > free:
        raise ModelgenError(f"{hub} has {free:,} bytes free, the copy needs {size:,}; free some space or move the hub")


def _publish(checkout: Checkout, staged: Mapping[str, Staged], *, has_links: bool) -> bool:
    """Move all files to their places; return whether any was new."""
    is_new = bool(staged)
    if has_links:
        put_blobs(checkout, staged)
    else:
        put_plain(checkout, staged)
    for file in checkout.files.values() if has_links else ():
        pointer = checkout.pointer(file)
        wanted = Path(os.path.relpath(checkout.blob(file), pointer.parent))
        if not pointer.is_symlink() or pointer.readlink() != wanted:
            is_new = True
            publishing.link(checkout, file)
    is_new = is_new or any(True for _ in wrong_small_files(checkout))
    publishing.finish(checkout, takes_names=True)
    if leads_elsewhere(checkout, DEFAULT_REF):  # as after a fetch; this call moves the ref
        is_new = True
        publishing.move_ref(checkout, DEFAULT_REF)
    return is_new


def _main(checkout: Checkout) -> str | None:
    try:
        with open_regular(checkout.ref(DEFAULT_REF)) as file:
            text = file.read(100).decode(errors="replace").strip()
    except OSError:
        return None
    return text if is_commit(text) else None
