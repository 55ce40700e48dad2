"""Check files that are already present, and refuse links that lead out of the hub directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub.cache.hashing import in_parallel, is_intact
from modelgen.hub.cache.mounts import how_to_read, refuse_unwritable
from modelgen.hub.cache.small_files import small_files
from modelgen.hub.fetching.events import Noticed, Report
from modelgen.hub.fetching.planning import partial_folder, path_in
from modelgen.hub.fetching.session import models_of
from modelgen.lockfile.repos import is_local
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.fetching.planning import Wanted
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.lockfile.entries import File

    Refuse = Callable[[Checkout, ModelgenError], None]

# Below this size, hashing is too fast to announce.
_LONG = 2_000_000_000
_EFFECTIVE = os.access in os.supports_effective_ids


def find_damaged(
    hub: Path, unsure: Sequence[tuple[Checkout, File]], seen: Seen, report: Report, refuse: Refuse
) -> list[tuple[Checkout, File]]:
    """Hash the files whose hash is unknown, note those that are right, and return the damaged ones.

    Args:
        hub: The hub directory.
        unsure: The files.
        seen: Records the files that are right.
        report: Announces a long run.
        refuse: Called with each checkout with an unreadable file, which may be complete and belong to another user.
    """
    total = sum(file.size for _, file in unsure)
    if total > _LONG:
        report(Noticed(f"hashing {len(unsure)} existing files, {of_files(total)}"))
    results = in_parallel(lambda place: _is_right(*place), unsure)
    damaged = []
    closed: dict[Checkout, list[Path]] = {}
    for (checkout, file), is_right in zip(unsure, results, strict=True):
        if is_right is None:
            closed.setdefault(checkout, []).append(checkout.pointer(file))
        elif is_right:
            seen.add(path_in(hub, checkout, file), file.etag)
        else:
            damaged.append((checkout, file))
    for checkout, pointers in closed.items():
        refuse(checkout, unreadable(checkout, pointers))
    return damaged


def _is_right(checkout: Checkout, file: File) -> bool | None:
    """Return whether a file has the hash of the lock; None if this process cannot read it."""
    try:
        return is_intact(checkout.pointer(file), file)
    except PermissionError:
        return None
    except OSError:
        return False


def note(seen: Seen, places: Iterable[tuple[Checkout, File]]) -> None:
    """Record files that were downloaded with the right hash."""
    for checkout, file in places:
        seen.add(path_in(checkout.hub, checkout, file), file.etag)


def save(wanted: Wanted, seen: Seen) -> None:
    """Write the record; as complete only if nothing is missing and the lock is registered."""
    files: list[str] = []
    small: dict[str, bytes] = {}
    # A file that is on no hub is not recorded by itself, so with one everything is checked.
    if wanted.record and not (wanted.assets or wanted.not_locked) and wanted.plan(seen).is_empty:
        small |= wanted.record
        for checkout in wanted.checkouts:
            folder = checkout.folder.relative_to(wanted.hub).as_posix()
            files += [path_in(wanted.hub, checkout, file) for file in checkout.files.values()]
            small |= {f"{folder}/{name}": data for name, data in small_files(checkout).items()}
    seen.save(wanted.key, files, small)


def refuse_local(checkout: Checkout, file: File) -> None:
    """Refuse to fetch a file of `modelgen add`: it is on no hub, though a hub may have a namespace of that name.

    Raises:
        InputError: It is such a file.
    """
    if is_local(checkout.repo):
        models = ", ".join(checkout.models)
        raise InputError(
            f"{models}: {checkout.repo} has no intact {file.path} at the commit of models.lock, and is "
            f"on no hub; run `modelgen add PATH --as {checkout.repo}`, then `modelgen lock --upgrade`"
        )


def refuse_links(checkout: Checkout) -> None:
    """Refuse a folder that is a link: its target may belong to another program, and no container follows it.

    Raises:
        ModelgenError: There is such a folder.
    """
    for folder in _folders(checkout):
        if os.path.islink(folder):  # noqa: PTH114 - thousands of them
            raise ModelgenError(
                f"{folder} is a link, which is broken in a container; replace it by the folder itself, "
                "or remove the link and run `modelgen fetch` again"
            )


def refuse_unreadable(checkout: Checkout) -> None:
    """Refuse a repository that this process cannot read: its files are unknown, not missing.

    Raises:
        ModelgenError: It is such a repository.
    """
    folders = [*_folders(checkout), partial_folder(checkout.hub, checkout.repo)]
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
            raise unreadable(checkout, [path])


def unreadable(checkout: Checkout, paths: Sequence[Path]) -> ModelgenError:
    """Return the error for files or folders of a repository that this process cannot read."""
    first, *more = [_content_at(path) for path in paths]
    help_ = how_to_read(first, first.parent if more else first)
    return ModelgenError(f"{models_of(checkout)}: {checkout.repo}: cannot read {first}: permission denied; {help_}")


def _content_at(path: Path) -> Path:
    """Return the target of a snapshot's link, whose mode has to change."""
    return Path(os.path.normpath(path.parent / path.readlink())) if os.path.islink(path) else path  # noqa: PTH114


def refuse_closed(hub: Path, checkout: Checkout) -> None:
    """Refuse, before any download, a repository that another user owns and does not share.

    Raises:
        ModelgenError: It is such a repository.
    """
    folders = [*_folders(checkout), partial_folder(hub, checkout.repo), hub / ".locks" / checkout.folder.name]
    refuse_unwritable(hub, folders)


def _folders(checkout: Checkout) -> list[Path]:
    """Return the folders of a repository that a fetch of one commit uses, parents first."""
    own = [checkout.folder / name for name in ("blobs", "refs", "snapshots", "trees")]
    inside = {path[:end] for path in checkout.files for end, character in enumerate(path) if character == "/"}
    return [checkout.folder, *own, checkout.snapshot, *(checkout.snapshot / name for name in sorted(inside))]
