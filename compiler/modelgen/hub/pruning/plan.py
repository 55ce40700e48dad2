"""What can go from a hub directory: snapshots that no registered lock needs, and what only they need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelgen.files import STAGED
from modelgen.hub.following import follow, open_regular
from modelgen.hub.layout import own_ref
from modelgen.hub.pruning.looking import disk_bytes, entries, hops, walk
from modelgen.lockfile.repos import ASIDE, ASSETS, LOCAL, OWN_FOLDER, is_commit, repo_folder
from modelgen.locks import is_held

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed

PRUNED = f"{OWN_FOLDER}/pruned"
"""Where folders wait for their removal: renamed, so that no snapshot is ever half there."""
_PREFIX = "models--"
_LOCAL_PREFIX = repo_folder(LOCAL)
_OWN = ("blobs", "refs", "snapshots", "trees")
_UNNEEDED = "no registered models.lock needs it"
_STORED = re.compile(r"blobs/[0-9a-f]{2}/[0-9a-f]{64}")


@dataclass(frozen=True)
class Thing:
    """Something that can go as one.

    Args:
        kind: `repository`, `snapshot`, `blobs`, `download`, `asset`, `leftover` or `shared`.
        path: Below the hub directory.
        why: Why nobody misses it.
        folders: That go.
        files: That go after all folders.
        bytes: That the disk has more of then.
    """

    kind: str
    path: str
    why: str
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    bytes: int = 0


@dataclass
class Plan:
    """All that can go.

    Args:
        things: See there.
        refs: The commit that a ref is to name, or None where it goes, by path below the hub directory.
        local: Snapshots of local models that nobody needs and that stay.
        left: What stays because it cannot be judged, and why.
        ref_bytes: That the refs which go take.
    """

    things: list[Thing] = field(default_factory=list)
    refs: dict[str, str | None] = field(default_factory=dict)
    local: list[Thing] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    ref_bytes: int = 0

    @property
    def bytes(self) -> int:
        """Bytes that the disk has more of when all has gone."""
        return self.ref_bytes + sum(thing.bytes for thing in self.things)


def make_plan(hub: Path, needed: Needed, *, local: bool) -> Plan:
    """Look through a hub directory.

    Args:
        hub: The hub directory.
        needed: What stays.
        local: Whether local models may go, which exist nowhere else.

    Raises:
        OSError: A folder cannot be read.
    """
    plan = Plan()
    repos = [name for name in _repos(hub, plan) if _may_change(hub, name, plan)]
    open_ = [name for name in repos if local or not name.startswith(_LOCAL_PREFIX)]
    settled = _settle(hub, _unneeded(hub, open_, needed), plan)
    for name in open_:
        if name in settled.going:
            plan.things.append(Thing("repository", name, f"{_UNNEEDED}{_origin(hub, name)}", (name,)))
            continue
        commits = _commits(hub, name)
        gone = [commit for commit in commits if f"{name}/snapshots/{commit}" in settled.going]
        kept = {*commits, *needed.commits.get(name, ())} - {*gone}
        plan.things += _inside(hub, name, gone, {*_loose_blobs(hub, name, needed)} - settled.protected)
        plan.things += _listings(hub, name, kept)
        plan.refs |= _refs(hub, name, needed, kept)
    plan.things += _own_things(hub, needed)
    plan.things += _shared(hub, settled.protected)
    stay = [name for name in repos if name not in open_]
    for commit, name in _unneeded(hub, stay, needed).items() if not local else ():
        for path in [commit] if commit != name else [f"{name}/snapshots/{one}" for one in _commits(hub, name)]:
            plan.local.append(Thing("snapshot", path, "it may be the only copy", (path,), _targets(hub, path)))
    plan.things, plan.local = _weigh(hub, plan.things), _weigh(hub, plan.local)
    refs = tuple(path for path, commit in plan.refs.items() if commit is None)
    plan.ref_bytes = sum(thing.bytes for thing in _weigh(hub, [Thing("refs", "", "", (), refs)]))
    return plan


def _repos(hub: Path, plan: Plan) -> Iterator[str]:
    for entry in entries(hub, ""):
        if entry.name.startswith(_PREFIX):
            if entry.is_dir(follow_symlinks=False):
                yield entry.name
            else:
                plan.left[entry.name] = "is not a folder"


def _may_change(hub: Path, name: str, plan: Plan) -> bool:
    """Return whether a repository can be judged: its folders are its own, and nobody downloads into it."""
    for own in _OWN:
        if (hub / name / own).is_symlink():
            plan.left[name] = f"its {own} is a link"
            return False
    # The client holds the lock of a blob from before the download until there is a link to it.
    if any(is_held(hub / path) for path, _ in walk(hub, f".locks/{name}")):
        plan.left[name] = "another program downloads into it"
        return False
    return True


def _unneeded(hub: Path, repos: Iterable[str], needed: Needed) -> dict[str, str]:
    """Return the folders that no lock needs, whole repositories or snapshots, with their repository."""
    found = {}
    for name in repos:
        commits = _commits(hub, name)
        loose = [commit for commit in commits if not needed.is_needed(name, commit)]
        if loose == commits and name not in needed.commits:
            found[name] = name
        else:
            found |= {f"{name}/snapshots/{commit}": name for commit in loose}
    return found


def _commits(hub: Path, name: str) -> list[str]:
    return [entry.name for entry in entries(hub, f"{name}/snapshots") if entry.is_dir(follow_symlinks=False)]


@dataclass(frozen=True)
class _Settled:
    """The folders that can go, and all paths that a link of what stays leads to."""

    going: set[str]
    protected: set[str]


def _settle(hub: Path, going: dict[str, str], plan: Plan) -> _Settled:
    """Return which of some folders can go.

    Links may lead anywhere, into the blobs or the snapshot of another repository too: that stays as well.
    """
    while True:
        protected = {
            place
            for path, entry in walk(hub, "", without={*going, ".locks"})
            if entry.is_symlink()
            for place in hops(hub, path)
        }
        heads = {"/".join(path.split("/")[:count]) for path in protected for count in (1, 3)}
        hit = [folder for folder in going if folder in heads]
        if not hit:
            return _Settled({*going}, protected)
        for folder in hit:
            name = going.pop(folder)
            if folder == name:
                going |= {f"{name}/snapshots/{commit}": name for commit in _commits(hub, name)}
            else:
                plan.left[folder] = "a link of what stays leads to it"


def _loose_blobs(hub: Path, name: str, needed: Needed) -> Iterator[str]:
    """Yield the blobs that no lock names."""
    for entry in entries(hub, f"{name}/blobs"):
        if not entry.is_dir(follow_symlinks=False) and entry.name not in needed.etags.get(name, ()):
            yield f"{name}/blobs/{entry.name}"


def _inside(hub: Path, name: str, gone: Iterable[str], loose: set[str]) -> Iterator[Thing]:
    """Yield the snapshots that go from a repository of which something stays, each with the blobs that only it has."""
    for commit in gone:
        path = f"{name}/snapshots/{commit}"
        files = tuple(sorted(loose & {*_targets(hub, path)}))
        loose -= {*files}
        folders = (path, *(other for other in (f"{name}/.no_exist/{commit}",) if follow(hub, other).is_folder))
        yield Thing("snapshot", path, f"{_UNNEEDED}{_origin(hub, name, commit)}", folders, files)
    if loose:
        count = f"{len(loose)} file{'s' if len(loose) > 1 else ''}"
        why = f"{count} that no snapshot links to"
        yield Thing("blobs", f"{name}/blobs", why, (), tuple(sorted(loose)))


def _listings(hub: Path, name: str, kept: set[str]) -> Iterator[Thing]:
    trees = [f"{name}/trees/{entry.name}" for entry in entries(hub, f"{name}/trees") if _lists_none(entry.name, kept)]
    if trees:
        yield Thing("leftover", f"{name}/trees", "listings of snapshots that are not there", (), tuple(trees))


def _lists_none(name: str, kept: set[str]) -> bool:
    commit = name.removesuffix(".json")
    return name.endswith(".json") and is_commit(commit) and commit not in kept


def _refs(hub: Path, name: str, needed: Needed, kept: set[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the refs of commits that go: a lock that stays may have a better one."""
    for path, entry in walk(hub, f"{name}/refs"):
        if not entry.is_file(follow_symlinks=False):
            continue
        with open_regular(hub / path) as file:
            commit = file.read(100).decode(errors="replace").strip()
        if is_commit(commit) and commit not in kept:
            better = needed.refs.get((name, path.removeprefix(f"{name}/refs/")))
            yield path, better if better and (hub / name / "snapshots" / better).is_dir() else None


def _origin(hub: Path, name: str, commit: str | None = None) -> str:
    """Return a remark on what modelgen did not bring, as far as can be seen."""
    owns = [commit] if commit else _commits(hub, name)
    is_own = any((hub / name / "refs" / own_ref(one)).is_file() for one in owns)
    if name.startswith(_LOCAL_PREFIX):
        return "; it may be the only copy"
    return "" if is_own else "; another program may use it"


def _targets(hub: Path, folder: str) -> tuple[str, ...]:
    """Return all that the links in a folder lead to."""
    links = (path for path, entry in walk(hub, folder) if entry.is_symlink())
    return tuple(dict.fromkeys(place for path in links for place in hops(hub, path) if place != path))


def _own_things(hub: Path, needed: Needed) -> Iterator[Thing]:
    partial = f"{OWN_FOLDER}/partial"
    for path, entry in walk(hub, partial):
        folder = path.split("/")[-2]
        if entry.name not in needed.etags.get(folder, ()):
            yield Thing("download", path, "half a file that no registered models.lock needs", (), (path,))
    for entry in entries(hub, ASSETS):
        if entry.is_dir(follow_symlinks=False) and entry.name not in needed.assets:
            yield Thing("asset", f"{ASSETS}/{entry.name}", _UNNEEDED, (f"{ASSETS}/{entry.name}",))
    for name, command in (("adding", "add"), ("pruned", "prune")):
        if follow(hub, path := f"{OWN_FOLDER}/{name}").is_folder:
            yield Thing("leftover", path, f"left by a `modelgen {command}` that was killed", (path,))
    if follow(hub, ASIDE).is_folder:
        yield Thing(
            "leftover", ASIDE, "moved out of snapshots by `verify --fix` or `fetch`, damaged or edited", (ASIDE,)
        )
    staged = [path for path, entry in walk(hub, f"{OWN_FOLDER}/locks") if entry.name.endswith(STAGED)]
    if staged:
        yield Thing("leftover", f"{OWN_FOLDER}/locks", "half-written entries", (), tuple(staged))


def _shared(hub: Path, protected: set[str]) -> Iterator[Thing]:
    """Yield what nothing that stays needs of the store that newer clients share among repositories."""
    files = tuple(
        path
        for path, entry in walk(hub, "blobs")
        if _STORED.fullmatch(path) and entry.is_file(follow_symlinks=False) and path not in protected
    )
    if files:
        yield Thing("shared", "blobs", "contents that no repository needs any more", (), files)


def _weigh(hub: Path, things: list[Thing]) -> list[Thing]:
    """Return things with the bytes that they free: a content with several names counts once, when all of them go."""
    inside = []
    for thing in things:
        paths = [*thing.files, *(path for folder in thing.folders for path, _ in walk(hub, folder))]
        inside.append([status for path in dict.fromkeys(paths) if (status := _status(hub, path)) is not None])
    names: dict[tuple[int, int], int] = {}
    for statuses in inside:
        for status in statuses:
            key = (status.st_dev, status.st_ino)
            names[key] = names.get(key, 0) + 1
    weighed = []
    for thing, statuses in zip(things, inside, strict=True):
        size = 0
        for status in statuses:
            if names.pop((status.st_dev, status.st_ino), 0) >= status.st_nlink:
                size += disk_bytes(status)
        weighed.append(replace(thing, bytes=size))
    return weighed


def _status(hub: Path, path: str) -> os.stat_result | None:
    try:
        return (hub / path).lstat()
    except OSError:
        return None
