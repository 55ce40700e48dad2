"""Reuse content that the hub directory has under another commit or name: link it, download nothing."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

from modelgen.files import STAGED, ModelgenError
from modelgen.hub.cache import publishing
from modelgen.hub.cache.aside import set_aside
from modelgen.hub.cache.hashing import in_parallel, is_intact
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.fetching.events import Noticed, Report
from modelgen.hub.fetching.planning import path_in
from modelgen.hub.fetching.session import models_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.fetching.planning import Job
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.hub.fetching.trust import Refuse
    from modelgen.lockfile.entries import File

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_NO_PRIVILEGE = 1314  # Windows' ERROR_PRIVILEGE_NOT_HELD


def reuse(hub: Path, jobs: Iterable[Job], seen: Seen, report: Report, refuse: Refuse) -> set[int]:
    """Place contents that are present, after checking their hash; return the ids of the checkouts that got some.

    A damaged file is moved aside, and has to be fetched.

    Args:
        hub: The hub directory.
        jobs: The contents to download.
        seen: Records checked hashes.
        report: Called with each event.
        refuse: Called with each checkout whose content cannot be read, or whose place is not free.

    Raises:
        OSError: The hub directory cannot be written.
    """
    found = [(job, job.source) for job in jobs if job.source is not None]
    unsure = [(job, source) for job, source in found if not seen.has_right(source, job.file.etag)]
    results = in_parallel(lambda pair: _is_right(*pair), unsure)
    known = {id(job): result for (job, _), result in zip(unsure, results, strict=True)}
    begun: dict[int, Checkout] = {}
    count = 0
    for job, source in found:
        is_right = known.get(id(job), True)
        if isinstance(is_right, ModelgenError):
            for checkout, _ in job.places:
                refuse(checkout, is_right)
            continue
        if not is_right:
            what = f"{job.checkout.repo}: {job.file.path}"
            report(Noticed(f"{what} is damaged here: its hash is wrong; fetching it again"))
            set_aside(hub, source.relative_to(hub).as_posix())
            continue
        for checkout, file in job.places:
            if id(checkout) not in begun:
                publishing.write_listing(checkout)  # as before a download: half a snapshot is reported as incomplete
                begun[id(checkout)] = checkout
            try:
                publishing.clear_way(checkout, file)
            except ModelgenError as error:
                refuse(checkout, error)
                continue
            _put(source, checkout, file)
            seen.add(path_in(hub, checkout, file), file.etag)
            count += 1
    if count:
        report(Noticed(f"{count} file{'s' if count > 1 else ''} linked without a download"))
    return {*begun}


def _is_right(job: Job, source: Path) -> bool | ModelgenError:
    """Return whether a content has the hash of the lock, or the error that prevents the check."""
    try:
        return is_intact(source, job.file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return ModelgenError(
            f"{models_of(job.checkout)}: {job.checkout.repo}: cannot read {source}: {reason}; make it readable, or "
            "remove it, and run `modelgen fetch` again"
        )


def _put(source: Path, checkout: Checkout, file: File) -> None:
    if source == checkout.blob(file) and not _are_links_off():
        try:
            publishing.link(checkout, file)
        except OSError as error:
            if error.errno not in _NO_LINKS and getattr(error, "winerror", None) != _NO_PRIVILEGE:
                raise
        else:
            return
    pointer = checkout.pointer(file)
    make_folder(pointer.parent)
    staged = pointer.with_name(f"{pointer.name}{STAGED}")
    try:
        shutil.copyfile(source, staged)
        publishing.open_and_sync(staged)
        staged.replace(pointer)
    finally:
        staged.unlink(missing_ok=True)


def _are_links_off() -> bool:
    """Return whether the user has disabled links in the client, without importing it."""
    return os.environ.get("HF_HUB_DISABLE_SYMLINKS", "").upper() in ("1", "ON", "YES", "TRUE")
