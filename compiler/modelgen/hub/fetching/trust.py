"""What is there is not yet right, and not everything that looks like the hub directory is in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub.fetching.events import Noticed, Report
from modelgen.hub.fetching.planning import path_in
from modelgen.hub.fetching.session import models_of
from modelgen.hub.hashing import in_parallel, is_intact
from modelgen.hub.mounts import how_to_read, refuse_unwritable
from modelgen.hub.small_files import small_files
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from modelgen.hub.fetching.fetch import Wanted
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import File

# Below this nobody waits long enough to be told.
_LONG = 2_000_000_000
_EFFECTIVE = os.access in os.supports_effective_ids


def find_damaged(
    hub: Path, unsure: Sequence[tuple[Checkout, File]], seen: Seen, report: Report
) -> list[tuple[Checkout, File]]:
    """Hash what nobody has seen to be right, note what is, and return what is not."""
    total = sum(file.size for _, file in unsure)
    if total > _LONG:
        report(Noticed(f"hashing {len(unsure)} files that are there already, {total / 1e9:.1f} GB"))
    results = in_parallel(lambda place: _is_right(*place), unsure)
    damaged = []
    for (checkout, file), is_right in zip(unsure, results, strict=True):
        if is_right:
            seen.add(path_in(hub, checkout, file), file.etag)
        else:
            damaged.append((checkout, file))
    return damaged


def _is_right(checkout: Checkout, file: File) -> bool:
    try:
        return is_intact(checkout.pointer(file), file)
    except PermissionError:
        raise  # it may be whole, and somebody else's
    except OSError:
        return False


def note(seen: Seen, places: Iterable[tuple[Checkout, File]]) -> None:
    """Note that files have just come with the right hash."""
    for checkout, file in places:
        seen.add(path_in(checkout.hub, checkout, file), file.etag)


def save(wanted: Wanted, seen: Seen) -> None:
    """Write down what was seen; as complete only if nothing is missing now and the lock is registered."""
    files: list[str] = []
    small: dict[str, bytes] = {}
    # A file that is on no hub is not noted by itself, so with one the long way is taken.
    if wanted.record and not (wanted.assets or wanted.lacking) and wanted.plan(seen).is_empty:
        small |= wanted.record
        for checkout in wanted.checkouts:
            folder = checkout.folder.relative_to(wanted.hub).as_posix()
            files += [path_in(wanted.hub, checkout, file) for file in checkout.files.values()]
            small |= {f"{folder}/{name}": data for name, data in small_files(checkout).items()}
    seen.save(wanted.key, files, small)


def refuse_local(checkout: Checkout, file: File) -> None:
    """What `modelgen add` made is on no hub; some other hub may have a namespace of that name.

    Raises:
        InputError: It is such a file.
    """
    if is_local(checkout.repo):
        models = ", ".join(checkout.models)
        raise InputError(
            f"{models}: {checkout.repo} lacks {file.path} at the commit of models.lock, or has it damaged, and is "
            f"on no hub; put it there by `modelgen add PATH --as {checkout.repo}`, then `modelgen lock --upgrade`"
        )


def refuse_links(checkout: Checkout) -> None:
    """Nothing is written or removed through a folder that is a link: it may be anybody's, and no container follows it.

    Raises:
        ModelgenError: There is one.
    """
    own = [checkout.folder / name for name in ("blobs", "refs", "snapshots", "trees")]
    above = {parent for file in checkout.files.values() for parent in checkout.pointer(file).parents}
    inside = sorted(path for path in above if path.is_relative_to(checkout.snapshot))
    for folder in [checkout.folder, *own, *inside]:
        if os.path.islink(folder):  # noqa: PTH114 - thousands of them
            raise ModelgenError(
                f"{folder} is a link, which leads nowhere in a container; put the folder itself there, "
                "or remove the link and run `modelgen fetch` again"
            )


def refuse_unreadable(checkout: Checkout) -> None:
    """Refuse a repository that this process cannot read: what is in it is not known, and not missing.

    Raises:
        ModelgenError: It is one.
    """
    own = [checkout.folder / name for name in ("blobs", "refs", "snapshots", "trees")]
    folders = [checkout.folder, *own, checkout.snapshot]
    files = [*map(checkout.ref, checkout.refs), checkout.tree]
    for path in (*folders, *files):
        try:
            is_folder = path.is_dir()
            path.stat()
            is_open = os.access(path, os.R_OK | (os.X_OK if is_folder else 0), effective_ids=_EFFECTIVE)
        except PermissionError:
            is_open = False
        except OSError:
            continue
        if not is_open:
            raise ModelgenError(
                f"{models_of(checkout)}: {checkout.repo}: cannot read {path}: permission denied; {how_to_read(path)}"
            )


def refuse_closed(hub: Path, checkout: Checkout) -> None:
    """Refuse, before the first byte, a repository that another user made and does not share.

    Raises:
        ModelgenError: It is one.
    """
    own = [checkout.folder / name for name in ("blobs", "refs", "snapshots", "trees")]
    refuse_unwritable(hub, [checkout.folder, *own, checkout.snapshot, hub / ".locks" / checkout.folder.name])
