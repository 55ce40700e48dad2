"""List what can be removed from modelgen's own folder and from the store shared among repositories."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from modelgen.files import STAGED
from modelgen.hub.cache.following import follow
from modelgen.hub.pruning.looking import entries, walk
from modelgen.hub.pruning.things import UNNEEDED, Thing
from modelgen.lockfile.repos import ASIDE, ASSETS, OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed

_STORED = re.compile(r"blobs/[0-9a-f]{2}/[0-9a-f]{64}")


def own_things(hub: Path, needed: Needed) -> Iterator[Thing]:
    """Yield files in modelgen's own folder that are no longer needed."""
    partial = f"{OWN_FOLDER}/partial"
    for path, entry in walk(hub, partial):
        folder = path.split("/")[-2]
        if entry.name.partition(".")[0] not in needed.etags.get(folder, ()):  # a journal has the name of its file
            yield Thing("download", path, f"interrupted download; {UNNEEDED}", (), (path,))
    for entry in entries(hub, ASSETS):
        if entry.is_dir(follow_symlinks=False) and entry.name not in needed.assets:
            yield Thing("asset", f"{ASSETS}/{entry.name}", UNNEEDED, (f"{ASSETS}/{entry.name}",))
    for name, command in (("adding", "add"), ("pruned", "prune")):
        if follow(hub, path := f"{OWN_FOLDER}/{name}").is_folder:
            yield Thing("leftover", path, f"left by a killed `modelgen {command}`", (path,))
    staged = [path for path, entry in walk(hub, f"{OWN_FOLDER}/locks") if entry.name.endswith(STAGED)]
    if staged:
        yield Thing("leftover", f"{OWN_FOLDER}/locks", "half-written entries", (), tuple(staged))


def shared(hub: Path, protected: set[str]) -> Iterator[Thing]:
    """Yield unneeded contents of the store that newer clients share among repositories."""
    files = tuple(
        path
        for path, entry in walk(hub, "blobs")
        if _STORED.fullmatch(path) and entry.is_file(follow_symlinks=False) and path not in protected
    )
    if files:
        yield Thing("shared", "blobs", "contents that no repository needs any more", (), files)


def moved_aside(hub: Path, needed: Needed) -> tuple[list[Thing], list[Thing]]:
    """Return files that were replaced by the locked ones, and foreign files that were moved aside."""
    replaced, foreign = [], []
    for path, _ in walk(hub, ASIDE):
        if _is_of_lock(_without_number(hub, path).removeprefix(f"{ASIDE}/"), needed):
            why = "was in place of a locked file, damaged or edited"
            replaced.append(Thing("aside", path, why, (), (path,)))
        else:
            foreign.append(Thing("aside", path, "moved out of a snapshot; it may be the only copy", (), (path,)))
    return replaced, foreign


def _without_number(hub: Path, path: str) -> str:
    """Return a name without its number, which was added since the name was taken."""
    head, _, number = path.rpartition(".")
    return head if number.isdigit() and os.path.lexists(hub / head) else path


def _is_of_lock(path: str, needed: Needed) -> bool:
    """Return whether a path is that of a locked file, or of a file that modelgen writes."""
    name, kind, *rest = [*path.split("/"), "", ""]
    if kind == "snapshots":
        return "/".join(rest[1:]).rstrip("/") in needed.files.get((name, rest[0]), ())
    return kind in ("refs", "trees") or (kind == "blobs" and rest[0] in needed.etags.get(name, ()))
