"""Recognise what a copy without links (rsync, zip, git, some drives) makes of a hub directory; it is not damage.

A snapshot of regular files is as good as one of links. Where the copy left nothing, an empty file, the text of the link
or an absolute link in the place of a file, the content may still be in `blobs/`: `verify --fix` links it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.verifying.problems import FIX, Link, Problem, Unite, how_to_bring
from modelgen.lockfile.repos import is_local, repo_folder, snapshot_folder
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.lockfile.entries import File

_MAX_LINK_TEXT = 4096


def has_blob(hub: Path, blob: str, file: File) -> bool:
    """Return whether a blob exists with the size of the file, and is not a link."""
    landing = follow(hub, blob)
    return (
        landing.is_file and not landing.is_link and landing.status is not None and landing.status.st_size == file.size
    )


def in_blobs(hub: Path, problem: Problem, link: Link) -> Problem:
    """Return the problem of a file whose content is in `blobs/`, so that only the link is missing.

    For a local model, only links and files with the text of a link are replaced; other files may be content.
    """
    if problem.path != link.path:  # a parent folder
        return problem
    what = _what_is_there(hub, link)
    if what is None and is_local(problem.repo):
        return problem
    text = f"{what or problem.text}; its content is in blobs/"
    return replace(
        problem,
        kind="unlinked",
        text=text,
        help=f"{FIX}, which links it without a download",
        remedy=problem.remedy if what is None else link,
    )


def _what_is_there(hub: Path, link: Link) -> str | None:
    """Return what a copy left in the place of a link; empty if the problem has it; None for something else."""
    path, landing = hub / link.path, follow(hub, link.path)
    if path.is_symlink() or (landing.status is None and landing.fault is None):
        return ""  # the problem has it
    if landing.status is None or not landing.is_file or landing.status.st_size > _MAX_LINK_TEXT:
        return None
    if landing.status.st_size == 0:
        return "is an empty file in place of a link, as some copies leave it"
    try:
        with open_regular(path) as file:
            data = file.read(_MAX_LINK_TEXT)
    except OSError:
        return None
    # As git, zip and Cygwin write links where there are none; Cygwin in UTF-16.
    if b"blobs" in data.replace(b"\0", b"").replace(b"\\", b"/"):
        return "is a text file in place of a link, as a copy without links leaves it"
    return None


def without_blobs(checkout: Checkout) -> Problem | None:
    """Return one problem for a snapshot that was copied with its links but without their targets."""
    blobs = f"{repo_folder(checkout.repo)}/blobs"
    landing = follow(checkout.hub, blobs)
    if landing.status is not None or landing.fault is not None or landing.is_link:
        return None
    folder = snapshot_folder(checkout.repo, checkout.commit)
    pointers = [follow(checkout.hub, f"{folder}/{path}") for path in checkout.files]
    if not all(pointer.is_link and pointer.status is None and pointer.fault is None for pointer in pointers):
        return None
    size = sum(file.size for file in checkout.files.values())
    text = f"was not copied: {checkout.commit[:12]}… has only links to it ({len(pointers)} files, {of_files(size)})"
    help_ = (
        f"copy the hub directory with all folders, such as with `rsync -a`, or {how_to_bring(checkout, is_bad=False)}"
    )
    return Problem(blobs, "dangling", text, help_, checkout.repo, checkout.models)


def copies(checkout: Checkout) -> Iterator[Problem]:
    """Yield a note on files of a snapshot that are also in `blobs/` and take space twice."""
    links, size = [], 0
    folder = f"{snapshot_folder(checkout.repo, checkout.commit)}"
    for file in checkout.files.values():
        blob = f"{repo_folder(checkout.repo)}/blobs/{file.etag}"
        own, stored = follow(checkout.hub, f"{folder}/{file.path}"), follow(checkout.hub, blob)
        if own.is_link or stored.is_link or not (own.is_file and stored.is_file):
            continue
        assert own.status is not None and stored.status is not None, "they are files"  # noqa: S101, PT018 - an invariant
        if (own.status.st_dev, own.status.st_ino) == (stored.status.st_dev, stored.status.st_ino):
            continue
        if own.status.st_size == stored.status.st_size == file.size:
            links.append(Link(f"{folder}/{file.path}", blob, file))
            size += file.size
    if links:
        count = f"{len(links)} file{'s' if links[1:] else ''}"
        text = f"is a copy without links, which is fine, but {count} of it are in blobs/ too ({of_files(size)} twice)"
        help_ = f"{FIX}, which replaces the second copies by links"
        remedy = Unite(tuple(links))
        yield Problem(folder, "twice", text, help_, checkout.repo, checkout.models, is_wrong=False, remedy=remedy)
