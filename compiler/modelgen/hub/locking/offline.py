"""Look repositories up in a hub directory: what is there is hashed, and nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub import weights
from modelgen.hub.hashing import Digest, in_parallel
from modelgen.hub.locking.cached import Found, find_files, locate, read_license
from modelgen.hub.locking.listing import (
    Ask,
    Facts,
    Pinned,
    choose_files,
    files_to_read,
    make_entry,
    make_file,
)
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from modelgen.hub.left_out import Choice
    from modelgen.lockfile.entries import File


@dataclass(frozen=True)
class _Opened:
    """A snapshot whose files have been found, and not yet read."""

    ask: Ask
    commit: str
    snapshot: Path
    found: Mapping[str, Found]
    choice: Choice


def look_up(
    hub: Path, asks: Iterable[Ask], planned: Callable[[int], None], hashed: Callable[[int], None]
) -> list[tuple[Ask, Pinned | ModelgenError]]:
    """Return what a hub directory has for each of `asks`, or the sentence that says why not.

    Args:
        hub: The hub directory.
        asks: What to look up.
        planned: Told how many bytes there are to hash.
        hashed: Told of bytes that are hashed, by several threads.
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
    return [(ask, _conclude(one, digests) if isinstance(one, _Opened) else one) for ask, one in opened]


def _open(hub: Path, ask: Ask) -> _Opened | ModelgenError:
    try:
        commit, snapshot = locate(hub, ask)
        found = find_files(commit, snapshot)
        choice = choose_files(ask, found)
        absent = [path for path in choice.kept if not found[path].is_there]
        if absent:
            return _fault(ask, commit, f"lacks {_some(absent)}")
    except ModelgenError as error:
        return error
    except OSError as error:
        return ModelgenError(f"{ask.about}: cannot read {error.filename or hub}: {error.strerror}; make it readable")
    return _Opened(ask, commit, snapshot, found, choice)


def _hash(found: Found, hashed: Callable[[int], None]) -> str | OSError:
    digest = Digest(None if found.is_large else found.size)
    try:
        digest.add_file(found.path, hashed)
    except OSError as error:
        return error
    return digest.hex()


def _conclude(opened: _Opened, digests: Mapping[Path, str | OSError]) -> Pinned | ModelgenError:
    ask, files, damaged = opened.ask, [], []
    try:
        for path in opened.choice.kept:
            found, digest = opened.found[path], digests[opened.found[path].path]
            if isinstance(digest, OSError):
                return ModelgenError(f"{ask.about}: cannot read {found.path}: {digest.strerror}; make it readable")
            if found.expected not in (None, digest):
                damaged.append(path)
            sha256, blob = (digest, None) if found.is_large else (None, digest)
            files.append(make_file(ask, path, found.size, sha256=sha256, blob=blob))
        if damaged:
            return _fault(
                ask, opened.commit, f"is damaged: {_some(damaged)} {'have' if damaged[1:] else 'has'} other bytes"
            )
        sizes = {path: found.size for path, found in opened.found.items()}
        return make_entry(ask, opened.choice, files, sizes, _facts(opened, files))
    except ModelgenError as error:
        return error
    except OSError as error:
        return ModelgenError(f"{ask.about}: cannot read {error.filename}: {error.strerror}; make it readable")


def _facts(opened: _Opened, files: list[File]) -> Facts:
    sums: dict[str, int] = {}
    for file in files:
        if not file.path.endswith(weights.SUFFIX):
            continue
        path = opened.found[file.path].path
        try:
            found = weights.bytes_by_dtype(weights.read_local(path), file.size)
        except weights.BadWeightsError as error:
            raise _fault(opened.ask, opened.commit, f"is damaged: {file.path}: {error}") from error
        for dtype, count in found.items():
            sums[dtype] = sums.get(dtype, 0) + count
    texts = {file.path: opened.found[file.path].path.read_bytes() for file in files_to_read(opened.ask, files)}
    return Facts(opened.commit, read_license(opened.snapshot), weights=sums, texts=texts)


def _fault(ask: Ask, commit: str, what: str) -> ModelgenError:
    """Return the sentence for a snapshot that is not whole."""
    if is_local(ask.want.repo):
        return InputError(f"{ask.about} {what}; add it again by `modelgen add PATH --as {ask.want.repo}`")
    return ModelgenError(
        f"{ask.about} in the hub directory {what}; fetch it again on a host with internet, by "
        f"`hf download {ask.want.repo} --revision {commit}`, and remove the files named here first"
    )


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"{', '.join(paths[:3])}{more}"
