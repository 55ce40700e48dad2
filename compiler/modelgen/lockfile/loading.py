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

# What training leaves beside weights; the engines pass over it too (vLLM: filter_files_not_needed_for_inference).
_TRAINING = re.compile(r"(.*[-_.])?(training_args|optimizer|scheduler|scaler|rng_state.*)\.(bin|pt)")


def read_by(loader: Loader, paths: Iterable[str]) -> list[str]:
    """Return the files that a loader reads; empty for one that finds none, or reads no weights."""
    paths = [*paths]
    for globs in loader.globs:
        if found := [path for path in paths if any(_is_match(path, glob) for glob in globs)]:
            return found
    return []


def lacking(loader: Loader, paths: Iterable[str]) -> str | None:
    """Return the patterns that a loader looks for and of which no file is there; None where it finds its weights."""
    if not loader.globs or read_by(loader, paths):
        return None
    return " or ".join(patterns(loader))


def patterns(loader: Loader) -> list[str]:
    """Return the patterns of a loader without those that another of them includes."""
    found = [*dict.fromkeys(glob for globs in loader.globs for glob in globs)]
    return [one for one in found if not any(one != other and fnmatchcase(one, other) for other in found)]


def lost(loader: Loader, paths: Collection[str], left_out: Iterable[str], *, wholly: bool = True) -> str | None:
    """Return a pattern of what was left out although a loader would read it rather than what is there; None without.

    Args:
        loader: Of an engine.
        paths: What is locked.
        left_out: Patterns of what is not.
        wholly: Whether a part of what it reads counts too, where it can do with the rest.
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
    """Return what an entry that was locked for other engines or arguments lacks, after its name; None without."""
    for loader in want.loaders:
        if pattern := lost(loader, entry.by_path, entry.left_out, wholly=False):
            return f"was locked without {pattern}, which {loader.name} reads"
    return None


def why_untold(want: Want, entry: Snapshot) -> str | None:
    """Return that nobody has looked where the code of an entry is, after its name; None where that is known.

    It may have been locked when no code was trusted, or by an older modelgen. What is in the lock needs no look.
    """
    known = () if entry.config is None else ("config.json",)
    if want.trusted and entry.code is None and any(may_name_code(path) for path in entry.by_path.keys() - known):
        return "was locked without the names of the repositories that its code is in"
    return None


def why_outdated(want: Want, entry: Snapshot) -> str | None:
    """Return why an entry has to be looked up again at its commit, after its name; None where it need not."""
    for loader in want.loaders:
        if pattern := lost(loader, entry.by_path, entry.left_out):
            return f"was locked without {pattern}, which {loader.name} reads"
    return why_untold(want, entry)


def _is_match(path: str, glob: str) -> bool:
    """Return whether a pattern matches as engines mean it: `*` stays in one folder."""
    parts, patterns = path.split("/"), glob.split("/")
    is_same = len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
    return is_same and _TRAINING.fullmatch(parts[-1]) is None


def _example(pattern: str) -> str:
    """Return a name that a pattern of `left_out` matches: `*.bin` leaves out `model.bin`."""
    bare = re.sub(r"\[(.)\]", r"\1", pattern) if "[" in pattern else pattern.replace("*", "")
    return f"model{bare}" if bare.startswith(".") else bare
