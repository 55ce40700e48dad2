"""Select the files of a snapshot that a loader reads. Pure: names in, names out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from modelgen.lockfile.code import may_name_code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from modelgen.loader import Loader
    from modelgen.lockfile.entries import Snapshot
    from modelgen.lockfile.wants import Want

# Files that training leaves beside weights; the engines skip them too (vLLM: filter_files_not_needed_for_inference).
_TRAINING = re.compile(r"(.*[-_.])?(training_args|optimizer|scheduler|scaler|rng_state.*)\.(bin|pt)")


def read_by(loader: Loader, paths: Iterable[str]) -> list[str]:
    """Return the files that a loader reads; empty if it finds none or reads no weights."""
    paths = [*paths]
    for globs in loader.globs:
        if found := [path for path in paths if any(_is_match(path, glob) for glob in globs)]:
            return found
    return []


def unmatched_patterns(loader: Loader, paths: Iterable[str]) -> str | None:
    """Return the patterns of a loader if no file matches any of them; None if it finds its weights."""
    if not loader.globs or read_by(loader, paths):
        return None
    return " or ".join(patterns(loader))


def patterns(loader: Loader) -> list[str]:
    """Return the patterns of a loader without those that another of them includes."""
    found = [*dict.fromkeys(glob for globs in loader.globs for glob in globs)]
    return [one for one in found if not any(one != other and fnmatchcase(one, other) for other in found)]


def missing_pattern(
    loader: Loader, paths: Collection[str], left_out: Iterable[str], *, wholly: bool = True
) -> str | None:
    """Return a pattern that was left out although a loader would prefer its files; None if there is none.

    Args:
        loader: The loader of an engine.
        paths: The locked files.
        left_out: The patterns of files that were left out.
        wholly: Report also a pattern that is only a part of what it reads, where it can load the rest.
    """
    left_out = [*left_out]
    for globs in loader.globs:
        absent = [glob for glob in globs if not any(_is_match(path, glob) for path in paths)]
        is_found = len(absent) < len(globs)
        for pattern in left_out if wholly or not is_found else ():
            if any(_is_match(_example(pattern), glob) for glob in absent):
                return pattern
        if is_found:
            return None
    return None


def why_unfit(want: Want, entry: Snapshot) -> str | None:
    """Return what an entry misses that was locked for other engines, as the rest of a sentence; or None."""
    for loader in want.loaders:
        if pattern := missing_pattern(loader, entry.by_path, entry.left_out, wholly=False):
            return f"was locked without {pattern}, which {loader.name} reads"
    return None


def why_code_unknown(want: Want, entry: Snapshot) -> str | None:
    """Return that the repositories of an entry's code are unknown, as the rest of a sentence; None if they are known.

    It may have been locked when no code was trusted, or by an older modelgen.
    """
    known = () if entry.config is None else ("config.json",)
    if want.trusted and entry.code is None and any(may_name_code(path) for path in entry.by_path.keys() - known):
        return "was locked without the names of the repositories that its code is in"
    return None


def why_outdated(want: Want, entry: Snapshot) -> str | None:
    """Return why an entry must be looked up again at its commit, as the rest of a sentence; None if it need not be."""
    for loader in want.loaders:
        if pattern := missing_pattern(loader, entry.by_path, entry.left_out):
            return f"was locked without {pattern}, which {loader.name} reads"
    return why_code_unknown(want, entry)


def _is_match(path: str, glob: str) -> bool:
    """Return whether a pattern matches as in the engines: `*` does not match `/`."""
    parts, patterns = path.split("/"), glob.split("/")
    is_same = len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
    return is_same and _TRAINING.fullmatch(parts[-1]) is None


def _example(pattern: str) -> str:
    """Return a name that a pattern of `left_out` matches: `*.bin` leaves out `model.bin`."""
    bare = re.sub(r"\[(.)\]", r"\1", pattern) if "[" in pattern else pattern.replace("*", "")
    return f"model{bare}" if bare.startswith(".") else bare
