"""What is missing in a hub directory, by a look at names and sizes; never at the network."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.hub.layout import OWN_FOLDER, asset_path, tree_listing
from modelgen.lockfile.repos import is_commit, is_local, repo_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import Asset, File


@dataclass(frozen=True, eq=False)
class Job:
    """One content to bring, with every place that needs it.

    Args:
        places: Checkouts of one repository, and the file in each.
        have: Bytes of it that an earlier run left.
    """

    places: tuple[tuple[Checkout, File], ...]
    have: int

    @property
    def checkout(self) -> Checkout:
        """The checkout that it is asked of."""
        return self.places[0][0]

    @property
    def file(self) -> File:
        """The file by its first name."""
        return self.places[0][1]


@dataclass(frozen=True)
class Plan:
    """All that a hub directory lacks.

    Args:
        jobs: Contents, the biggest first.
        assets: Files that are on no hub.
        stale: Checkouts whose refs or listing are not as they should be.
    """

    jobs: tuple[Job, ...]
    assets: tuple[Asset, ...]
    stale: tuple[Checkout, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.jobs or self.assets or self.stale)

    @property
    def size(self) -> int:
        """Bytes to bring, of files of known size."""
        return sum(job.file.size - job.have for job in self.jobs) + sum(asset.size or 0 for asset in self.assets)


def plan(hub: Path, checkouts: Iterable[Checkout], assets: Iterable[Asset]) -> Plan:
    """Return what `hub` lacks of `checkouts` and `assets`."""
    places: dict[tuple[str, str], list[tuple[Checkout, File]]] = {}
    stale = []
    for checkout in checkouts:
        for file in checkout.files.values():
            if not is_there(checkout.pointer(file), file.size):
                places.setdefault((checkout.repo, file.etag), []).append((checkout, file))
        if any(True for _ in wrong_small_files(checkout)):
            stale.append(checkout)
    jobs = [Job(tuple(needed), _size_of(partial_path(hub, *needed[0]))) for needed in places.values()]
    jobs.sort(key=lambda job: (-job.file.size, job.checkout.repo, job.file.path))
    missing = (asset for asset in assets if not is_there(asset_path(hub, asset), asset.size))
    return Plan(tuple(jobs), tuple(missing), tuple(stale))


def is_there(path: Path, size: int | None) -> bool:
    """Tell whether a path leads to a file of that size; None stands for any."""
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and size in (None, found.st_size)


def small_files(checkout: Checkout) -> dict[str, bytes]:
    """Return the refs and the listing as they should be, by path below the repository's folder."""
    wanted = {f"refs/{name}": checkout.commit.encode() for name in checkout.refs if not has_moved_on(checkout, name)}
    wanted[f"trees/{checkout.commit}.json"] = tree_listing(checkout)
    return wanted


def wrong_small_files(checkout: Checkout) -> Iterator[tuple[str, bytes]]:
    """Yield the refs and the listing that are not as they should be: path below the repository's folder, contents."""
    for name, data in small_files(checkout).items():
        path = checkout.folder / name
        # Compared by size first: what lies there may be anything.
        if not is_there(path, len(data)) or path.read_bytes() != data:
            yield name, data


def has_moved_on(checkout: Checkout, ref: str) -> bool:
    """Tell whether `modelgen add` has given a local name a newer content.

    `modelgen lock --upgrade` takes that over; to move the ref back would lose it, and what is locked is asked for by
    its commit.
    """
    path = checkout.ref(ref)
    if not is_local(checkout.repo) or not is_there(path, 40):
        return False
    commit = path.read_bytes().decode(errors="replace")
    return commit != checkout.commit and is_commit(commit) and (checkout.snapshot.parent / commit).is_dir()


def partial_path(hub: Path, checkout: Checkout, file: File) -> Path:
    """Return where what has come of a file waits for the rest; only our own download resumes it."""
    return hub / OWN_FOLDER / "partial" / repo_folder(checkout.repo) / file.etag


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
