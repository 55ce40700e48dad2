"""Look repositories up in a hub directory: hash its files, send no request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub.cache.hashing import Digest, in_parallel
from modelgen.hub.locking import doubts, hints
from modelgen.hub.locking.cached import Found, find_files, listing_of, read_license
from modelgen.hub.locking.doubts import some
from modelgen.hub.locking.listing import (
    Facts,
    Pinned,
    choose_files,
    damaged_on_hub,
    files_to_read,
    make_entry,
    make_file,
)
from modelgen.hub.locking.locating import locate
from modelgen.hub.snapshot import gguf, weights
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from modelgen.hub.locking.ask import Ask
    from modelgen.hub.snapshot.left_out import Choice
    from modelgen.lockfile.entries import File


@dataclass(frozen=True)
class _Opened:
    """A snapshot whose files were found but not read yet."""

    hub: Path
    ask: Ask
    commit: str
    snapshot: Path
    found: Mapping[str, Found]
    choice: Choice


def look_up(
    hub: Path,
    asks: Iterable[Ask],
    planned: Callable[[int], None],
    hashed: Callable[[int], None],
    tokenizers: Collection[str] = (),
) -> list[tuple[Ask, Pinned | ModelgenError]]:
    """Return the entry from a hub directory for each of `asks`, or the error.

    Args:
        hub: The hub directory.
        asks: The repositories to look up.
        planned: Called with the number of bytes to hash.
        hashed: Called by several threads with the number of hashed bytes.
        tokenizers: Ids of models whose tokenizer is in another repository.
    """
    opened = [(ask, _open(hub, ask)) for ask in asks]
    files = {
        one.found[path].path: one.found[path]
        for _, one in opened
        if isinstance(one, _Opened)
        for path in one.choice.kept
    }
    planned(sum(found.size for found in files.values()))
    biggest_first = sorted(files.values(), key=lambda found: -found.size)
    digests = dict(in_parallel(lambda found: (found.path, _hash(found, hashed)), biggest_first))
    return [(ask, _conclude(one, digests, tokenizers) if isinstance(one, _Opened) else one) for ask, one in opened]


def _open(hub: Path, ask: Ask) -> _Opened | ModelgenError:
    try:
        commit, snapshot = locate(hub, ask)
        found = find_files(snapshot)
        choice = choose_files(ask, found)
        absent = [path for path in choice.kept if not found[path].is_there]
        if absent:
            return _incomplete(hub, ask, commit, absent)
    except ModelgenError as error:
        return error
    except OSError as error:
        return _unreadable(ask, error.filename or hub, error)
    return _Opened(hub, ask, commit, snapshot, found, choice)


def _hash(found: Found, hashed: Callable[[int], None]) -> str | OSError:
    digest = Digest(None if found.is_large else found.size)
    try:
        digest.add_file(found.path, hashed)
    except OSError as error:
        return error
    return digest.hex()


def _conclude(
    opened: _Opened, digests: Mapping[Path, str | OSError], tokenizers: Collection[str]
) -> Pinned | ModelgenError:
    ask, files, damaged = opened.ask, [], []
    try:
        for path in opened.choice.kept:
            found, digest = opened.found[path], digests[opened.found[path].path]
            if isinstance(digest, OSError):
                return _unreadable(ask, found.path, digest)
            if found.expected not in (None, digest):
                damaged.append(path)
            sha256, blob = (digest, None) if found.is_large else (None, digest)
            files.append(make_file(ask, path, found.size, sha256=sha256, blob=blob))
        if damaged:
            return _damaged(opened, damaged, f"{some(damaged)} {'have' if damaged[1:] else 'has'} wrong contents")
        sizes = {path: found.size for path, found in opened.found.items()}
        pinned = make_entry(ask, opened.choice, files, sizes, _facts(opened, files))
        unchecked = doubts.of_new(ask.want, pinned.entry, opened.snapshot, opened.found, tokenizers)
        return replace(pinned, unchecked=tuple(unchecked))
    except ModelgenError as error:
        return error
    except OSError as error:
        return _unreadable(ask, error.filename or opened.snapshot, error)


def _facts(opened: _Opened, files: list[File]) -> Facts:
    sums: dict[str, int] = {}
    for file in files:
        if not file.path.endswith(weights.SUFFIX):
            continue
        path = opened.found[file.path].path
        try:
            found = weights.bytes_by_dtype(weights.read_local(path), file.size)
        except weights.BadWeightsError as error:
            if opened.found[file.path].expected and not is_local(opened.ask.want.repo):
                raise damaged_on_hub(opened.ask, file.path, opened.choice, error) from error  # its hash is right
            raise _damaged(opened, [file.path], f"{file.path}: {error}") from error
        for dtype, count in found.items():
            sums[dtype] = sums.get(dtype, 0) + count
    headers = {
        file.path: _header(opened.found[file.path].path, file.size) for file in files if file.path.endswith(gguf.SUFFIX)
    }
    texts = {file.path: opened.found[file.path].path.read_bytes() for file in files_to_read(opened.ask, files)}
    return Facts(opened.commit, read_license(opened.snapshot), weights=sums, texts=texts, headers=headers)


def _header(path: Path, size: int) -> gguf.Header | None:
    try:
        return gguf.read_header(weights.read_local(path), size)
    except gguf.BadGgufError:
        return None


def _unreadable(ask: Ask, path: Path | str, error: OSError) -> ModelgenError:
    reason = (error.strerror or str(error)).lower()
    return ModelgenError(f"{ask.about}: cannot read {path}: {reason}; make it readable and run the command again")


def _incomplete(hub: Path, ask: Ask, commit: str, absent: list[str]) -> ModelgenError:
    """Return the error for a snapshot with missing files."""
    if is_local(ask.want.repo):
        return InputError(f"{ask.about} lacks {some(absent)}; {_add_again(ask)}")
    return InputError(
        f"{ask.about} in the hub directory lacks {some(absent)}; {hints.download(hub, ask, commit, absent)}"
    )


def _damaged(opened: _Opened, damaged: list[str], what: str) -> ModelgenError:
    """Return the error for a snapshot with damaged files."""
    ask, hub = opened.ask, opened.hub
    if is_local(ask.want.repo):
        return InputError(f"{ask.about} is damaged: {what}; {_add_again(ask)}")
    # The client replaces blobs, but never a file in a snapshot in place of the right link.
    wrong = [opened.found[path].path for path in damaged if not opened.found[path].is_link_to_expected]
    # If link and listing have different hashes, only the hub can show which is right.
    wrong += [listing_of(opened.snapshot)] if any(opened.found[path].expected == "" for path in damaged) else []
    return InputError(
        f"{ask.about} in the hub directory is damaged: {what}; {hints.remove(wrong)}"
        f"{hints.download(hub, ask, opened.commit, damaged, force=True)}"
    )


def _add_again(ask: Ask) -> str:
    add = f"add it again with `modelgen add PATH --as {ask.want.repo}`"
    return f"{add}, then run `modelgen lock --offline --upgrade {ask.want.models[0]}`" if ask.commit else add
