"""Check each locked file by name, size and link; files without a finding are hashed afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import first_link, follow
from modelgen.hub.cache.layout import asset_path
from modelgen.hub.verifying.copies import has_blob, in_blobs
from modelgen.hub.verifying.problems import FIX, Drop, Link, Problem, how_to_bring
from modelgen.lockfile.entries import File
from modelgen.lockfile.repos import is_local, repo_folder, snapshot_folder

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.cache.following import Landing
    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.verifying.modes import Passed
    from modelgen.lockfile.entries import Asset

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a file, and the next steps if it is wrong.

    Args:
        path: The path below the hub directory.
        repo: Repository id, or an empty string for a file of no hub.
        models: Ids of the models that need it.
        if_missing: The next step if the file is missing.
        if_bad: The next step if something else is there.
        drop: The remedy that clears the place; None for files that are on no hub.
    """

    path: str
    repo: str
    models: tuple[str, ...]
    if_missing: str
    if_bad: str
    drop: Drop | None

    def missing(self, kind: str, text: str) -> Problem:
        """Return the problem of a missing file, or of a dangling symlink, which is removed."""
        remedy = self.drop if kind == "dangling" else None
        return Problem(self.path, kind, text, self.if_missing, self.repo, self.models, remedy=remedy)

    def bad(self, kind: str, text: str) -> Problem:
        """Return the problem of a wrong file."""
        return Problem(self.path, kind, text, self.if_bad, self.repo, self.models, remedy=self.drop)


@dataclass(frozen=True, slots=True)
class Content:
    """A content to read: its resolved path, the expected file, and the places that need it."""

    parts: tuple[str, ...]
    file: File
    places: list[Place] = field(default_factory=list)


@dataclass
class FileLooker:
    """Checks files one by one.

    Args:
        hub: The hub directory.
        quick: Whether contents are not read; the name of a link's target is compared then.
        passed: Collects the modes of all paths.
    """

    hub: Path
    quick: bool
    passed: Passed
    problems: list[Problem] = field(default_factory=list)
    contents: dict[tuple[int, int, str], Content] = field(default_factory=dict)
    _shared: set[str] = field(default_factory=set)

    def look_at(self, checkout: Checkout, file: File) -> None:
        """Check a file of a snapshot."""
        path = f"{snapshot_folder(checkout.repo, checkout.commit)}/{file.path}"
        blob = f"{repo_folder(checkout.repo)}/blobs/{file.etag}"
        drop = None if is_local(checkout.repo) else Drop(path, blob, file)
        helps = how_to_bring(checkout, is_bad=False), how_to_bring(checkout, is_bad=True)
        found = len(self.problems)
        landing = self._look(Place(path, checkout.repo, checkout.models, *helps, drop), file)
        is_bad = len(self.problems) > found
        if is_bad and has_blob(self.hub, blob, file):
            self.problems[found] = in_blobs(self.hub, self.problems[found], Link(path, blob, file))
        if landing is None or (is_bad and self.problems[found].kind == "unlinked"):
            # A fetch links to the blob of that name without reading it.
            place = Place(blob, checkout.repo, checkout.models, *helps, drop)
            if (stored := follow(self.hub, blob)).status is not None or stored.fault:
                self._weigh(place, file, stored)
        elif landing.is_file:
            self._look_at_link(checkout, file, path, landing)

    def look_at_asset(self, asset: Asset) -> None:
        """Check a file that is on no hub."""
        path = asset_path(self.hub, asset).relative_to(self.hub).as_posix()
        size = asset.size
        if size is None:  # its size is unknown, only its hash is locked
            status = follow(self.hub, path).status
            size = status.st_size if status is not None else 0
        file = File(path=asset.name, size=size, sha256=asset.sha256)
        bad = f"{FIX}, then `modelgen fetch`"
        self._look(Place(path, "", tuple(asset.models), "run `modelgen fetch`", bad, Drop(path, None, file)), file)

    def _look(self, place: Place, file: File) -> Landing | None:
        """Check the path; return None if nothing is there."""
        landing = follow(self.hub, place.path)
        if landing.status is None and landing.fault is None:
            text = f"is a dangling symlink: there is no {'/'.join(landing.parts)}" if landing.is_link else "is missing"
            self.problems.append(place.missing("dangling" if landing.is_link else "missing", text))
            return None
        self._weigh(place, file, landing)
        return landing

    def _weigh(self, place: Place, file: File, landing: Landing) -> None:
        """Check the kind and the size of a file."""
        self.passed.note(landing)
        status = landing.status
        if landing.fault is not None or status is None:
            self.problems.append(self._blocked(place, landing))
        elif not landing.is_file:
            self.problems.append(place.bad("not-a-file", f"is {landing.kind}, not a file"))
        elif status.st_size != file.size:
            text = f"has {status.st_size:,} bytes, not {file.size:,} as models.lock says"
            self.problems.append(place.bad("size", text))
        else:
            key = (status.st_dev, status.st_ino, file.etag)
            self.contents.setdefault(key, Content(landing.parts, file)).places.append(place)

    def _blocked(self, place: Place, landing: Landing) -> Problem:
        """Return the problem of a broken link; that of a folder is removed as a whole, if it is in this snapshot."""
        found = place.bad("link" if landing.is_link else "unreadable", landing.fault or "")
        link = first_link(self.hub, place.path)
        if link == place.path or place.drop is None:
            return replace(found, path=link)
        is_inside = "/".join(link.split("/")[1:3]) == "/".join(place.path.split("/")[1:3])
        remedy = replace(place.drop, path=link) if is_inside else None
        help_ = found.help if remedy else "replace that link by the folder itself"
        return replace(found, path=link, remedy=remedy, help=help_)

    def _look_at_link(self, checkout: Checkout, file: File, path: str, landing: Landing) -> None:
        """Check the target of a link."""
        pointer = self.hub / path
        if not pointer.is_symlink():
            return
        name = pointer.readlink().name
        if self.quick and name != file.etag and _HASH.fullmatch(name):
            # The client names a blob by its hash; without reading it, only the name can be compared.
            text = f"is a link to another blob: {name[:12]}…, not {file.etag[:12]}… as models.lock says"
            drop = None if is_local(checkout.repo) else Drop(path, None, file)
            help_ = how_to_bring(checkout, is_bad=True)
            self.problems.append(Problem(path, "link", text, help_, checkout.repo, checkout.models, remedy=drop))
        folder = repo_folder(checkout.repo)
        if landing.parts[0] != folder and folder not in self._shared:
            self._shared.add(folder)
            text = f"has contents elsewhere in the hub directory ({landing.parts[0]}), so it is incomplete by itself"
            help_ = "move, copy or mount the whole hub directory"
            self.problems.append(Problem(folder, "shared", text, help_, checkout.repo, checkout.models, is_wrong=False))
