"""Find folders that can be removed: no lock needs them, and no link of what stays leads into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.hub.pruning.looking import entries, hops, walk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed
    from modelgen.hub.pruning.things import Plan


def unneeded(hub: Path, repos: Iterable[str], needed: Needed) -> dict[str, str]:
    """Return the folders that no lock needs, whole repositories or snapshots, with their repository."""
    found = {}
    for name in repos:
        commits = commits_of(hub, name)
        loose = [commit for commit in commits if not needed.is_needed(name, commit)]
        if loose == commits and name not in needed.commits:
            found[name] = name
        else:
            found |= {f"{name}/snapshots/{commit}": name for commit in loose}
    return found


def commits_of(hub: Path, name: str) -> list[str]:
    """Return the snapshots of a repository."""
    return [entry.name for entry in entries(hub, f"{name}/snapshots") if entry.is_dir(follow_symlinks=False)]


@dataclass(frozen=True)
class Settled:
    """The paths to remove, and all paths that kept links lead to."""

    going: set[str]
    files: set[str]
    protected: set[str]


def settle(hub: Path, going: dict[str, str], files: set[str], plan: Plan) -> Settled:
    """Return which of some folders, and of some links in other folders, can be removed.

    Links may also lead into the blobs or the snapshot of another repository, which are kept then.
    """
    while True:
        protected = {
            place
            for path, entry in walk(hub, "", without={*going, ".locks"})
            if entry.is_symlink() and path not in files
            for place in hops(hub, path)
        }
        heads = {"/".join(path.split("/")[:count]) for path in protected for count in (1, 3)}
        hit = [folder for folder in going if folder in heads]
        is_settled = not (hit or files & protected)
        files = files - protected
        if is_settled:
            return Settled({*going}, files, protected)
        for folder in hit:
            name = going.pop(folder)
            if folder == name:
                going |= {f"{name}/snapshots/{commit}": name for commit in commits_of(hub, name)}
            else:
                plan.left[folder] = "a link of a kept file leads to it"
