"""Check the refs and the listing beside a snapshot, by which clients find it and judge it complete."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelgen.hub.cache.following import first_link, follow, open_regular
from modelgen.hub.cache.layout import own_ref
from modelgen.hub.cache.small_files import leads_elsewhere, listing
from modelgen.hub.verifying.modes import closed
from modelgen.hub.verifying.problems import FIX, Problem, Write
from modelgen.lockfile.repos import is_commit, is_local, repo_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from modelgen.hub.cache.following import Landing
    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.cache.registry import Locks
    from modelgen.hub.verifying.modes import Passed
    from modelgen.lockfile.entries import File

_MOST_OF_LISTING = 64 * 2**20
_REPAIR = f"{FIX}, or `modelgen fetch`"
_RIVALS = (
    f'{_REPAIR}; if both projects open it by name (`engine = "command"`), set another `hub` in [project] of one, '
    "or lock the same commit in both"
)
# Kinds of problems that make a snapshot incomplete.
_OF_FILES = frozenset({"content", "dangling", "link", "missing", "not-a-file", "size", "unreadable"})


def wrong_refs(checkout: Checkout, passed: Passed, locks: Locks) -> Iterator[Problem]:
    """Yield the refs that do not point to the commit.

    Args:
        checkout: The checkout.
        passed: Collects the modes of all paths.
        locks: The locks of other projects.
    """
    own, is_kept = own_ref(checkout.commit), False
    for name in checkout.refs:
        if name == own:
            continue
        path = f"{repo_folder(checkout.repo)}/refs/{name}"
        landing = follow(checkout.hub, path)
        passed.note(landing)
        fault = _fault_of_ref(checkout, landing)
        if fault is None:
            is_kept = True
        elif _is_missing(landing) and not checkout.by_name:
            yield _missing_name(checkout, path)
        elif leads_elsewhere(checkout, name):
            yield _other_name(checkout, path, fault, locks.users(checkout.repo, _text_of_ref(checkout, landing)))
        else:
            place = first_link(checkout.hub, path) if landing.fault else path
            remedy, help_ = Write(path, checkout.commit.encode()), _REPAIR
            if users := locks.users(checkout.repo, _text_of_ref(checkout, landing)):
                fault, help_ = f"{fault}: {users[0]} needs that one", _RIVALS
            yield Problem(place, "ref", fault, help_, checkout.repo, checkout.models, remedy=remedy)
    if not is_kept:
        yield from _wrong_own_ref(checkout, f"{repo_folder(checkout.repo)}/refs/{own}", passed)


def _is_missing(landing: Landing) -> bool:
    return landing.status is None and landing.fault is None


def _missing_name(checkout: Checkout, path: str) -> Problem:
    """Return a note on a missing name: engines get the commit, but `lock --offline` looks names up."""
    fault = "is missing: engines get the commit, but `modelgen lock --offline` does not find the model by its name"
    remedy = Write(path, checkout.commit.encode())
    return Problem(path, "ref", fault, FIX, checkout.repo, checkout.models, is_wrong=False, remedy=remedy)


def _other_name(checkout: Checkout, path: str, fault: str, users: list[str]) -> Problem:
    """Return a note on a name that points to another commit: engines get the commit of models.lock."""
    if is_local(checkout.repo):
        help_ = f"run `modelgen lock --upgrade {' '.join(checkout.models)}` to move to it"
    else:
        fault += f": {users[0]} needs that one" if users else ": it was downloaded later"
        help_ = "nothing to do: engines get the commit"
    return Problem(path, "ref", fault, help_, checkout.repo, checkout.models, is_wrong=False)


def _wrong_own_ref(checkout: Checkout, path: str, passed: Passed) -> Iterator[Problem]:
    """Yield a note if no ref keeps a locked snapshot."""
    landing = follow(checkout.hub, path)
    passed.note(landing)
    if landing.is_file and _text_of_ref(checkout, landing) == checkout.commit:
        return
    fault = landing.fault or "does not keep the locked snapshot: `hf cache prune` would delete it"
    remedy = Write(path, checkout.commit.encode())
    yield Problem(path, "ref", fault, _REPAIR, checkout.repo, checkout.models, is_wrong=False, remedy=remedy)


def half_repos(problems: Iterable[Problem], *, is_fixed: bool = False) -> set[str]:
    """Return the repositories with wrong or missing files.

    Args:
        problems: The problems.
        is_fixed: Whether these remain after `--fix`; before, files that only need a link are ignored.
    """
    kinds = _OF_FILES | {"unlinked"} if is_fixed else _OF_FILES
    return {problem.repo for problem in problems if problem.is_wrong and problem.kind in kinds}


def withhold_refs(problems: Iterable[Problem], half: Collection[str]) -> list[Problem]:
    """Remove the remedy from wrong refs of incomplete repositories, so that no incomplete snapshot has a name."""
    return [
        replace(problem, remedy=None, help=_after_repair(problem.repo))
        if problem.kind == "ref" and problem.remedy is not None and problem.repo in half
        else problem
        for problem in problems
    ]


def _after_repair(repo: str) -> str:
    if is_local(repo):
        return f"run `modelgen add PATH --as {repo}` again, which writes it when all files are there"
    return "run `modelgen fetch`, which writes it when all files are there"


def _fault_of_ref(checkout: Checkout, landing: Landing) -> str | None:
    offline = "offline, an engine does not find the model by its name"
    if landing.fault is not None:
        return landing.fault
    if landing.status is None:
        return f"is missing: {offline}"
    if not landing.is_file:
        return f"is {landing.kind}, not a file: {offline}"
    text = _text_of_ref(checkout, landing)
    if text == checkout.commit:
        return None
    if text.strip() == checkout.commit:
        return f"has a line break or spaces around the commit: {offline}"
    if is_commit(text.strip()):
        return f"names commit {text.strip()[:12]}…, not {checkout.commit[:12]}… as models.lock does"
    return f"contains no commit: {offline}"


def _text_of_ref(checkout: Checkout, landing: Landing) -> str:
    return (_read(checkout, landing, 100) or b"").decode(errors="replace")


def wrong_listing(checkout: Checkout) -> Iterator[Problem]:
    """Yield the problem of the snapshot's listing; a missing or unreadable one is a note.

    The client itself creates it with mode 0600, and ignores one that it cannot read (_tree_cache.py).
    """
    path = f"{repo_folder(checkout.repo)}/trees/{checkout.commit}.json"
    landing = follow(checkout.hub, path)
    is_missing = landing.status is None and landing.fault is None
    if is_missing:
        fault: str | None = "is missing: without it, a client takes half a snapshot as complete"
    elif landing.fault is not None or not landing.is_file:
        fault = landing.fault or f"is {landing.kind}, not a file"
    else:
        fault = _fault_of_listing(checkout, _read(checkout, landing, _MOST_OF_LISTING))
    if fault is not None:
        yield Problem(
            first_link(checkout.hub, path) if landing.fault else path,
            "listing",
            fault,
            _REPAIR,
            checkout.repo,
            checkout.models,
            is_wrong=not is_missing,
            remedy=Write(path, listing(checkout)),
        )
    elif landing.status is not None and (note := closed("/".join(landing.parts), landing.status.st_mode)) is not None:
        yield replace(note, repo=checkout.repo, models=checkout.models, is_wrong=False)


def _fault_of_listing(checkout: Checkout, data: bytes | None) -> str | None:
    try:
        read: Any = json.loads(data or b"")
    except (ValueError, RecursionError):
        read = None
    listed = read.get("files") if isinstance(read, dict) and read.get("format_version") == 1 else None
    if not isinstance(listed, dict):
        return "is not a listing of files"
    foreign = [name for name in listed if name not in checkout.files and not (checkout.snapshot / name).exists()]
    if foreign:
        files = "files that are" if len(foreign) > 1 else "file that is"
        return (
            f"lists {len(foreign)} {files} missing ({_some(foreign)}): "
            "offline, a client from 2.0 on refuses the snapshot as incomplete"
        )
    if missing := [name for name in checkout.files if name not in listed]:
        return f"lacks {len(missing)} of the locked files ({_some(missing)})"
    if wrong := [file.path for file in checkout.files.values() if not _says(listed[file.path], file)]:
        return f"has other hashes or sizes than models.lock ({_some(wrong)})"
    return None


def _says(entry: object, file: File) -> bool:
    if not isinstance(entry, dict) or entry.get("size") != file.size:
        return False
    return bool(entry.get("lfs_sha256") == file.sha256 if file.sha256 else entry.get("blob_id") == file.blob)


def _some(names: list[str]) -> str:
    return ", ".join(name[:60] for name in names[:3]) + (", …" if len(names) > 3 else "")


def _read(checkout: Checkout, landing: Landing, most: int) -> bytes | None:
    """Return the bytes of a small file; None if it cannot be read or is larger."""
    try:
        with open_regular(checkout.hub.joinpath(*landing.parts)) as opened:
            data = opened.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None
