"""Find what is missing in a hub directory, from names and sizes, without the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow
from modelgen.hub.cache.layout import asset_path
from modelgen.hub.cache.small_files import is_there, wrong_small_files
from modelgen.hub.fetching.ranges.spans import bytes_there
from modelgen.lockfile.repos import OWN_FOLDER, repo_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from modelgen.files import ModelgenError
    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.lockfile.entries import Asset, File


@dataclass(frozen=True, eq=False)
class Job:
    """One content to download, with every place that needs it.

    Args:
        places: Checkouts of one repository, and the file in each.
        have: Bytes that need no download: left by an earlier run, or present in the hub directory.
        source: A file with the same name and size; its hash is checked before it is used.
    """

    places: tuple[tuple[Checkout, File], ...]
    have: int
    source: Path | None = None

    @property
    def checkout(self) -> Checkout:
        """The checkout that it is requested from."""
        return self.places[0][0]

    @property
    def file(self) -> File:
        """The file by its first name."""
        return self.places[0][1]

    @property
    def space(self) -> int:
        """Disk space that it needs: a blob needs only a link, other contents are copied."""
        is_blob = self.source is not None and self.source == self.checkout.blob(self.file)
        return 0 if is_blob else self.file.size if self.source else self.file.size - self.have


@dataclass(frozen=True)
class Plan:
    """Everything that is missing in a hub directory.

    Args:
        jobs: The contents, largest first.
        assets: Files that are on no hub.
        stale: Checkouts with wrong refs or a wrong listing.
        unsure: Files with the right name and size whose hash was not checked.
    """

    jobs: tuple[Job, ...]
    assets: tuple[Asset, ...]
    stale: tuple[Checkout, ...]
    unsure: tuple[tuple[Checkout, File], ...]

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to do."""
        return not (self.jobs or self.assets or self.stale or self.unsure)

    @property
    def size(self) -> int:
        """Bytes to download, of files with a known size."""
        return sum(job.file.size - job.have for job in self.jobs) + sum(asset.size or 0 for asset in self.assets)

    @property
    def space(self) -> int:
        """Disk space that is needed."""
        return sum(job.space for job in self.jobs) + sum(asset.size or 0 for asset in self.assets)


def plan(hub: Path, checkouts: Iterable[Checkout], assets: Iterable[Asset], seen: Seen) -> Plan:
    """Return the plan: what is missing in `hub`, and what was not checked."""
    places: dict[tuple[str, str], list[tuple[Checkout, File]]] = {}
    stale, unsure = [], []
    for checkout in checkouts:
        for file in checkout.files.values():
            if not is_there(checkout.pointer(file), file.size):
                places.setdefault((checkout.repo, file.etag), []).append((checkout, file))
            elif not seen.is_right(path_in(hub, checkout, file), file.etag):
                unsure.append((checkout, file))
        if any(True for _ in wrong_small_files(checkout)):
            stale.append(checkout)
    jobs = [_job(hub, tuple(needed), seen) for needed in places.values()]
    jobs.sort(key=lambda job: (-job.file.size, job.checkout.repo, job.file.path))
    missing = (asset for asset in assets if not is_there(asset_path(hub, asset), asset.size))
    return Plan(tuple(jobs), tuple(missing), tuple(stale), tuple(unsure))


def _job(hub: Path, places: tuple[tuple[Checkout, File], ...], seen: Seen) -> Job:
    checkout, file = places[0]
    blob = checkout.blob(file)
    if is_there(blob, file.size) and follow(hub, blob.relative_to(hub).as_posix()).is_file:
        return Job(places, file.size, blob)
    if (known := seen.find(checkout.folder.name, file.etag)) is not None:
        return Job(places, file.size, hub / known)
    return Job(places, bytes_there(partial_path(hub, checkout, file)))


def path_in(hub: Path, checkout: Checkout, file: File) -> str:
    """Return the path of a file below the hub directory."""
    return checkout.pointer(file).relative_to(hub).as_posix()


def partial_path(hub: Path, checkout: Checkout, file: File) -> Path:
    """Return the path of a partial file; only modelgen's own download resumes it."""
    return partial_folder(hub, checkout.repo) / file.etag


def partial_folder(hub: Path, repo: str) -> Path:
    """Return the folder of a repository's partial files."""
    return hub / OWN_FOLDER / "partial" / repo_folder(repo)


@dataclass(frozen=True)
class Wanted:
    """The files that should be in a hub directory.

    Args:
        hub: The hub directory.
        key: Identifies the models.toml and the lock.
        checkouts: The snapshots.
        assets: Files that are on no hub.
        not_locked: What models need and the lock does not have, as sentences: it is reported beside what is fetched.
        record: The lock's record in the registry, by its path in the hub directory; empty if not registered.
    """

    hub: Path
    key: str
    checkouts: Sequence[Checkout]
    assets: Sequence[Asset]
    not_locked: Sequence[ModelgenError] = ()
    record: Mapping[str, bytes] = field(default_factory=dict)

    def plan(self, seen: Seen) -> Plan:
        """Return what is missing now."""
        return plan(self.hub, self.checkouts, self.assets, seen)
