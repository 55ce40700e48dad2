"""List what can be removed from a repository that keeps some of its snapshots."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.cache.layout import own_ref
from modelgen.hub.pruning.looking import entries, hops, walk
from modelgen.hub.pruning.settling import commits_of
from modelgen.hub.pruning.things import UNNEEDED, Thing
from modelgen.lockfile.repos import LOCAL, is_commit, repo_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed

LOCAL_PREFIX = repo_folder(LOCAL)
_INCOMPLETE = ".incomplete"


def loose_blobs(hub: Path, name: str, needed: Needed) -> Iterator[str]:
    """Yield the blobs that no lock names; an interrupted download is named after its blob, with a suffix."""
    for entry in entries(hub, f"{name}/blobs"):
        etag = entry.name.partition(".")[0]
        if not entry.is_dir(follow_symlinks=False) and etag not in needed.etags.get(name, ()):
            yield f"{name}/blobs/{entry.name}"


def inside(hub: Path, name: str, gone: Iterable[str], loose: set[str]) -> Iterator[Thing]:
    """Yield the snapshots to remove from a repository that is kept in part, each with its own blobs."""
    for commit in gone:
        path = f"{name}/snapshots/{commit}"
        blobs = sorted(loose & {*targets(hub, path)})
        loose -= {*blobs}
        listing = f"{name}/trees/{commit}.json"
        files = (*([listing] if os.path.lexists(hub / listing) else []), *blobs)
        folders = (path, *(other for other in (f"{name}/.no_exist/{commit}",) if follow(hub, other).is_folder))
        yield Thing("snapshot", path, f"{UNNEEDED}{origin(hub, name, commit)}", folders, files)
    for path in sorted(path for path in loose if path.endswith(_INCOMPLETE)):
        yield Thing("download", path, f"interrupted download; {UNNEEDED}", (), (path,))
        loose.remove(path)
    if loose:
        count = f"{len(loose)} file{'s' if len(loose) > 1 else ''}"
        why = f"{count} that no snapshot links to"
        yield Thing("blobs", f"{name}/blobs", why, (), tuple(sorted(loose)))


def listings(hub: Path, name: str, kept: set[str]) -> Iterator[Thing]:
    """Yield the listings of missing snapshots."""
    for entry in entries(hub, f"{name}/trees"):
        if _lists_none(entry.name, kept):
            path = f"{name}/trees/{entry.name}"
            yield Thing("leftover", path, "listing of a missing snapshot", (), (path,))


def _lists_none(name: str, kept: set[str]) -> bool:
    commit = name.removesuffix(".json")
    return name.endswith(".json") and is_commit(commit) and commit not in kept


def refs(hub: Path, name: str, needed: Needed, kept: set[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the refs of removed commits, with the commit of another lock if there is one."""
    for path, entry in walk(hub, f"{name}/refs"):
        if not entry.is_file(follow_symlinks=False):
            continue
        with open_regular(hub / path) as file:
            commit = file.read(100).decode(errors="replace").strip()
        if is_commit(commit) and commit not in kept:
            better = needed.refs.get((name, path.removeprefix(f"{name}/refs/")))
            yield path, better if better and (hub / name / "snapshots" / better).is_dir() else None


def origin(hub: Path, name: str, commit: str | None = None) -> str:
    """Return a remark on files that modelgen did not download."""
    owns = [commit] if commit else commits_of(hub, name)
    is_own = any((hub / name / "refs" / own_ref(one)).is_file() for one in owns)
    if name.startswith(LOCAL_PREFIX):
        return "; it may be the only copy"
    return "" if is_own else "; another program may use it"


def targets(hub: Path, folder: str) -> tuple[str, ...]:
    """Return the targets of a link, or of the links in a folder."""
    links = [path for path, entry in walk(hub, folder) if entry.is_symlink()]
    links += [folder] if (hub / folder).is_symlink() else []
    return tuple(dict.fromkeys(place for path in links for place in hops(hub, path) if place != path))
