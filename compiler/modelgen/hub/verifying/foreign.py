"""Find files that are not locked: an error inside a locked snapshot, a note elsewhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import STAGED
from modelgen.hub.cache.following import follow
from modelgen.hub.cache.mounts import how_to_read
from modelgen.hub.cache.registry import FOLDER
from modelgen.hub.snapshot.left_out import matches
from modelgen.hub.verifying.problems import FIX, Problem, Remove
from modelgen.lockfile.repos import ASIDE, LOCAL, OWN_FOLDER, is_local, repo_folder, snapshot_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.cache.registry import Locks

_REPOS = ("models--", "datasets--", "spaces--")
_LEFTOVERS = (".incomplete", STAGED)
_UNKNOWN = f"make {FOLDER} readable and complete first: another project may need this"


def foreign_files(checkout: Checkout, left_out: Iterable[str], locks: Locks) -> Iterator[Problem]:
    """Yield the files in a snapshot that are not locked; a folder without locked files is one problem.

    Args:
        checkout: The snapshot.
        left_out: Patterns of files that were left out on purpose.
        locks: The locks of other projects.
    """
    patterns, others = (*left_out,), locks.files(checkout.repo, checkout.commit)
    is_known = locks.fault is None and not locks.broken
    folders = {parent for path in (*checkout.files, *others) for parent in _parents(path)}
    todo = [""]
    while todo:
        folder = todo.pop()
        place = f"{snapshot_folder(checkout.repo, checkout.commit)}/{folder}".rstrip("/")
        landing = follow(checkout.hub, place)
        if not landing.is_folder:
            continue
        for entry in _entries(checkout.hub.joinpath(*landing.parts)):
            path = f"{folder}/{entry.name}".lstrip("/")
            is_folder = entry.is_dir(follow_symlinks=False)
            if path in folders:
                todo += [path] if is_folder else []
            elif path not in checkout.files and path not in others:
                is_left_out = _is_left_out(entry, path, patterns)
                found = _foreign(checkout, f"{place}/{entry.name}", entry, is_known=is_left_out)
                yield found if is_known or found.remedy is None else replace(found, help=_UNKNOWN, remedy=None)


def _is_left_out(entry: os.DirEntry[str], path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a file, or everything in a folder, was left out on purpose."""
    if not entry.is_dir(follow_symlinks=False):
        return matches(path, patterns)
    inside = _entries(Path(entry.path))
    return bool(inside) and all(_is_left_out(other, f"{path}/{other.name}", patterns) for other in inside)


def _foreign(checkout: Checkout, path: str, entry: os.DirEntry[str], *, is_known: bool) -> Problem:
    is_folder = entry.is_dir(follow_symlinks=False)
    kind = "folder" if is_folder else "file"
    if is_known:
        text, help_ = f"is a {kind} that models.lock leaves out", "ignore it; serving does not need it"
        return Problem(path, "left-out", text, help_, checkout.repo, checkout.models, is_wrong=False)
    # A local file may be the only copy.
    is_only_copy = is_local(checkout.repo) and not entry.is_symlink()
    return Problem(
        path,
        "foreign",
        f"is a {kind} that models.lock does not have, inside a locked snapshot: an engine may read it",
        "move it out of the hub directory" if is_only_copy else f"{FIX}, which moves it to {ASIDE}",
        checkout.repo,
        checkout.models,
        remedy=None if is_only_copy else Remove(path),
    )


def unknown_locks(hub: Path, fault: str) -> Problem:
    """Return a note that the needs of other projects are unknown."""
    help_ = f"the needs of other projects are unknown; {how_to_read(hub / FOLDER)}"
    return _note(FOLDER, "registry", fault, help_)


def other_things(hub: Path, checkouts: Iterable[Checkout], locks: Locks) -> Iterator[Problem]:
    """Yield notes on repositories and snapshots that no known lock needs, and on leftovers of killed downloads.

    No note tells the user to remove files by hand: only `modelgen prune` knows what other locks need.
    """
    commits: dict[str, set[str]] = {}
    for checkout in checkouts:
        commits.setdefault(repo_folder(checkout.repo), set()).add(checkout.commit)
    needed: dict[str, set[str]] = {}
    for need in (need for lock in locks.registered for need in lock.needs):
        needed.setdefault(repo_folder(need.repo), set()).add(need.commit)
    for entry in _entries(hub):
        if entry.name.startswith(_REPOS) and entry.name not in commits and entry.name not in needed:
            yield _note(entry.name, "other", "is a repository that models.lock does not have", _leave(entry.name))
    for folder, locked in sorted(commits.items()):
        if not follow(hub, folder).is_folder:
            continue
        for entry in _entries(hub / folder / "snapshots"):
            if entry.name not in locked | needed.get(folder, set()):
                path = f"{folder}/snapshots/{entry.name}"
                yield _note(path, "other", "is a snapshot that models.lock does not have", _leave(folder))
        yield from _leftovers(hub, f"{folder}/blobs")
    partial = f"{OWN_FOLDER}/partial"
    for entry in _entries(hub / partial):
        if entry.is_dir(follow_symlinks=False):
            for part in _entries(hub / partial / entry.name):
                path = f"{partial}/{entry.name}/{part.name}"
                yield _note(path, "leftover", "is an interrupted download", "`modelgen fetch` continues it")


def _leave(folder: str) -> str:
    if not folder.startswith("models--"):
        return "ignore it; modelgen does not use it"
    if folder.startswith(repo_folder(LOCAL)):
        return "keep it: there may be no other copy"
    return "run `modelgen prune`, which lists what no models.lock of this hub directory needs"


def _leftovers(hub: Path, folder: str) -> Iterator[Problem]:
    for entry in _entries(hub / folder):
        if entry.name.endswith(_LEFTOVERS):
            text = "was left by a killed process, or belongs to a running one"
            yield _note(
                f"{folder}/{entry.name}", "leftover", text, "`modelgen fetch` removes it when no process uses it"
            )


def _note(path: str, kind: str, text: str, help_: str) -> Problem:
    return Problem(path, kind, text, help_, is_wrong=False)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # missing or closed, which is a finding of its own


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
