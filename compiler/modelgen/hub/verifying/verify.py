"""Compare a hub directory with the lock, offline: report missing, damaged, unreadable and foreign files.

The official client trusts names: it takes a truncated blob, a flipped byte or a link to another blob as cached.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import first_link, follow, open_regular
from modelgen.hub.cache.hashing import Digest, in_parallel
from modelgen.hub.cache.mounts import how_to_read
from modelgen.hub.cache.registry import try_read_locks
from modelgen.hub.verifying.copies import copies, has_blob, without_blobs
from modelgen.hub.verifying.files import FileLooker
from modelgen.hub.verifying.foreign import foreign_files, other_things, unknown_locks
from modelgen.hub.verifying.modes import Passed, unreadable
from modelgen.hub.verifying.problems import Problem, how_to_bring
from modelgen.hub.verifying.refs import wrong_listing, wrong_refs
from modelgen.hub_root import folders_near
from modelgen.lockfile.repos import repo_folder, snapshot_folder
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.cache.registry import Locks
    from modelgen.hub.verifying.files import Content
    from modelgen.lockfile.entries import Asset, File


@dataclass
class Survey:
    """The result of checking names, sizes, links and modes.

    Args:
        files: Number of files that should be there.
        problems: The problems.
        contents: The contents to read, without duplicates, largest first.
    """

    files: int = 0
    problems: list[Problem] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The total bytes of the contents."""
        return sum(content.file.size for content in self.contents)


def survey(  # noqa: PLR0913 - what to look at, and how
    hub: Path,
    checkouts: Iterable[Checkout],
    assets: Iterable[Asset],
    left_out: Mapping[str, tuple[str, ...]],
    *,
    quick: bool,
    others: bool = True,
) -> Survey:
    """Check everything without reading contents.

    Args:
        hub: The hub directory.
        checkouts: The snapshots that should be there.
        assets: Files that are on no hub and should be there too.
        left_out: Patterns of files that were left out on purpose, by commit.
        quick: Whether contents are not read; the name of a link's target is compared then.
        others: Also look for files that are not in the lock.
    """
    found, known, passed = Survey(), [*checkouts], Passed()
    if not hub.is_dir():
        help_ = "correct `hub` in [project] of models.toml, or run `modelgen fetch`"
        return Survey(problems=[Problem("", "no-hub", f"there is no hub directory {hub}", help_)])
    locks = try_read_locks(hub)
    if locks.fault is not None:
        found.problems.append(unknown_locks(hub, locks.fault))
    looker = FileLooker(hub, quick, passed)
    for checkout in known:
        found.files += len(checkout.files)
        try:
            found.problems += _look_at(checkout, looker, left_out.get(checkout.commit, ()), locks)
        except PermissionError as error:
            found.problems.append(_closed(checkout, error))
    for asset in assets:
        found.files += 1
        looker.look_at_asset(asset)
    found.problems += [*looker.problems, *unreadable(hub, passed)]
    found.problems += other_things(hub, known, locks) if others else ()
    found.contents = sorted(looker.contents.values(), key=lambda content: -content.file.size)
    return found


def _look_at(checkout: Checkout, looker: FileLooker, left_out: tuple[str, ...], locks: Locks) -> Iterator[Problem]:
    if (missing := _missing_snapshot(checkout) or without_blobs(checkout)) is not None:
        yield missing
        return
    for file in checkout.files.values():
        looker.look_at(checkout, file)
    yield from copies(checkout)
    yield from foreign_files(checkout, left_out, locks)
    yield from wrong_refs(checkout, looker.passed, locks)
    yield from wrong_listing(checkout)


def _closed(checkout: Checkout, error: PermissionError) -> Problem:
    """Return the problem of a repository that cannot be read; the others can be verified."""
    path = Path(os.fsdecode(error.filename or checkout.folder))
    place = path.relative_to(checkout.hub).as_posix() if path.is_relative_to(checkout.hub) else checkout.folder.name
    text = f"cannot be read: {(error.strerror or str(error)).lower()}"
    help_ = f"make {checkout.folder} readable for this user, and run it again"
    return Problem(place, "unreadable", text, help_, checkout.repo, checkout.models)


def _missing_snapshot(checkout: Checkout) -> Problem | None:
    """Return one problem for a snapshot without any file."""
    path = snapshot_folder(checkout.repo, checkout.commit)
    landing = follow(checkout.hub, path)
    if landing.is_folder:
        return None
    blobs = f"{repo_folder(checkout.repo)}/blobs"
    is_there = landing.status is not None or landing.fault is not None or landing.is_link
    if not is_there and any(has_blob(checkout.hub, f"{blobs}/{file.etag}", file) for file in checkout.files.values()):
        return None  # contents without links
    if not is_there and (where := _elsewhere(checkout.hub, path)) is not None:
        return _misplaced(checkout, path, where)
    size = sum(file.size for file in checkout.files.values())
    files = f"{len(checkout.files)} file{'s' if len(checkout.files) > 1 else ''}, {of_files(size)}"
    if (closed := landing.closed_folder) is not None:
        text = f"{landing.fault}: the whole snapshot ({files})"
        help_ = how_to_read(checkout.hub / closed)
        return Problem(closed, "unreadable", text, help_, checkout.repo, checkout.models)
    link = first_link(checkout.hub, path)
    is_dangling = landing.is_link and not (checkout.hub / link).exists()
    is_bad = bool(landing.fault or landing.status or is_dangling)
    if is_bad and landing.is_link:
        path = link
    kind = f"is {landing.kind}, not a folder" if landing.status else "is a dangling symlink"
    text = landing.fault or (kind if is_bad else "is missing")
    bring = how_to_bring(checkout, is_bad=False)
    help_ = f"move it out of the hub directory, then {bring}" if is_bad else bring
    return Problem(path, "missing", f"{text}: the whole snapshot ({files})", help_, checkout.repo, checkout.models)


def _elsewhere(hub: Path, path: str) -> Path | None:
    """Return a directory beside or inside the hub directory that has a snapshot: a copy one level off."""
    return next((folder for folder in folders_near(hub) if (folder / path).is_dir()), None)


def _misplaced(checkout: Checkout, path: str, where: Path) -> Problem:
    text = f"is missing, but {where} has it: the hub directory was copied to the wrong level"
    help_ = f"move the folders of {where} to {checkout.hub}, or write `hub = {json.dumps(str(where))}` in [project]"
    return Problem(path, "missing", text, help_, checkout.repo, checkout.models)


def damaged(hub: Path, contents: Iterable[Content], advanced: Callable[[int], None]) -> Iterator[Problem]:
    """Read all contents, several at once, and yield those that do not match the lock.

    Args:
        hub: The hub directory.
        contents: The contents of a survey.
        advanced: Called by several threads with the number of bytes read.
    """

    def read(content: Content) -> tuple[Content, str | None]:
        return content, _fault_of(hub.joinpath(*content.parts), content.file, advanced)

    for content, fault in in_parallel(read, contents):
        if fault is not None:
            yield from (place.bad("content", fault) for place in content.places)


def _fault_of(path: Path, file: File, advanced: Callable[[int], None]) -> str | None:
    digest = Digest(None if file.sha256 else file.size)
    try:
        with open_regular(path) as opened:
            digest.add_open(opened, advanced)
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    if digest.hex() == file.etag:
        return None
    return f"is damaged: its hash is {digest.hex()[:12]}…, not {file.etag[:12]}… as models.lock says"
