"""Read the files of a repository at a commit; take the hashes from its tree if a mirror omits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from modelgen.hub.connection.addresses import is_same_origin
from modelgen.hub.connection.answers import WrongAnswerError, get_json, post_form
from modelgen.hub.locking.listing import license_of
from modelgen.lockfile.repos import is_commit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.hub.connection.client import Connection

_PATHS_AT_ONCE = 100
_MOST_PAGES = 1000

Known = tuple[int, str | None, str | None]
"""Size, SHA-256 and git's id of a file."""


@dataclass(frozen=True)
class Repository:
    """A repository at a commit on the hub: the size and hashes (sha256, git's id) of each file, and its task."""

    commit: str
    files: dict[str, Known]
    license: str | None
    gated: bool
    task: str | None


def ask_repository(connection: Connection, repo: str, revision: str | None) -> Repository:
    """Return the files of a repository on the hub.

    Raises:
        WrongAnswerError: The commit, or the size and hash of a file, is missing.
    """
    url = f"{connection.endpoint}/api/models/{repo}"
    if revision is not None:
        url += f"/revision/{quote(revision, safe='')}"
    info, _ = get_json(connection, url, {"blobs": "true"})
    commit = info.get("sha") if isinstance(info, dict) else None
    if not isinstance(info, dict) or not isinstance(commit, str) or not is_commit(commit):
        raise WrongAnswerError(url, "no commit")
    files = {entry.get("rfilename"): _known(entry, "blobId", "sha256") for entry in _entries(info.get("siblings"))}
    if not files or None in files.values():
        files = {**files, **_from_tree(connection, repo, commit)}
        _fill_in(connection, repo, commit, files)
    whole = {path: known for path, known in files.items() if isinstance(path, str) and known is not None}
    if len(whole) != len(files):
        raise WrongAnswerError(url, "no sizes and hashes of the files, and has none in its tree")
    task = info.get("pipeline_tag")
    return Repository(
        commit, whole, _license(info), bool(info.get("gated")), task=task if isinstance(task, str) else None
    )


def _from_tree(connection: Connection, repo: str, commit: str) -> dict[Any, Known | None]:
    """Return the files of the listing, page by page."""
    files: dict[Any, Known | None] = {}
    url: str | None = f"{connection.endpoint}/api/models/{repo}/tree/{commit}?recursive=true&expand=false"
    for _ in range(_MOST_PAGES):
        if url is None:
            break
        page, following = get_json(connection, url)
        found = {entry.get("path"): _known(entry, "oid", "oid") for entry in _entries(page) if _is_file(entry)}
        if not found.keys() - files.keys():
            break  # a mirror without pages would send the first one for ever
        files |= found
        url = None if following is None else _own(connection, urljoin(url, following))
    return files


def _own(connection: Connection, url: str) -> str:
    """Return a page's address on the configured hub, since mirrors pass on the address at their own hub."""
    if is_same_origin(url, connection.endpoint):
        return url
    parts = urlsplit(url)
    return f"{connection.endpoint}{parts.path[max(parts.path.find('/api/models/'), 0) :]}?{parts.query}"


def _fill_in(connection: Connection, repo: str, commit: str, files: dict[Any, Known | None]) -> None:
    """Request files by name that no page of the listing had."""
    missing = [path for path, known in files.items() if known is None and isinstance(path, str)]
    for start in range(0, len(missing), _PATHS_AT_ONCE):
        form = {"paths": missing[start : start + _PATHS_AT_ONCE], "expand": "false"}
        found = post_form(connection, f"{connection.endpoint}/api/models/{repo}/paths-info/{commit}", form)
        files |= {entry.get("path"): _known(entry, "oid", "oid") for entry in _entries(found) if _is_file(entry)}


def _entries(found: object) -> Iterable[dict[str, Any]]:
    return (entry for entry in found if isinstance(entry, dict)) if isinstance(found, list) else ()


def _is_file(entry: dict[str, Any]) -> bool:
    return entry.get("type") == "file"


def _known(entry: dict[str, Any], git: str, lfs: str) -> Known | None:
    """Return size and hashes in an entry; None if any is missing."""
    size, blob, large = entry.get("size"), entry.get(git), entry.get("lfs")
    sha256 = large.get(lfs) if isinstance(large, dict) else None
    if isinstance(large, dict) and type(large.get("size")) is int:
        size = large["size"]
    if type(size) is not int or not isinstance(sha256 or blob, str):
        return None
    return size, sha256, blob if isinstance(blob, str) else None


def _license(info: dict[str, Any]) -> str | None:
    card, tags = info.get("cardData"), info.get("tags")
    named_by_tag = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    tag = next((tag for tag in named_by_tag if tag.startswith("license:")), "")
    named = license_of(card) if isinstance(card, dict) else None
    return named or license_of({"license": tag.removeprefix("license:")})
