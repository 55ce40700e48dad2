"""Compute paths in the cache layout of huggingface_hub.

    models--namespace--name/
        blobs/<sha256, or git's id for small files>
        snapshots/<commit>/<path> -> ../../blobs/<hash>      (a plain file where links do not work)
        refs/<branch or tag>                                 (a commit, without a line break)
        trees/<commit>.json                                  (the listing; clients from 2.0 on report what is missing)
    .locks/modelgen/                                         (modelgen's own files; other clients ignore it)

Sources: docs/hub "Understand caching", file_download.py and _tree_cache.py of huggingface_hub 2.4.0.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import InputError
from modelgen.lockfile.repos import ASSETS, is_commit, repo_folder

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path

    from modelgen.lockfile.entries import Asset, File, Snapshot

DEFAULT_REF = "main"
_OWN_REFS = "modelgen"
_TREE_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Checkout:
    """A repository at one commit with all files that entries of the lock need from it.

    Args:
        hub: The hub directory.
        repo: Repository id.
        commit: 40 hex digits.
        files: The files by path in the snapshot.
        refs: Names below `refs/` that must hold the commit.
        models: Ids of the models that need it.
        by_name: Whether a model opens the repository by a name, and not by its commit or path.
        listed: The files of its listing by path; None if these are `files`.
    """

    hub: Path
    repo: str
    commit: str
    files: Mapping[str, File]
    refs: tuple[str, ...]
    models: tuple[str, ...]
    by_name: bool = False
    listed: Mapping[str, File] | None = None

    @property
    def folder(self) -> Path:
        """The repository's folder."""
        return self.hub / repo_folder(self.repo)

    @property
    def snapshot(self) -> Path:
        """The folder that an engine opens."""
        return self.folder / "snapshots" / self.commit

    @property
    def tree(self) -> Path:
        """The listing."""
        return self.folder / "trees" / f"{self.commit}.json"

    def pointer(self, file: File) -> Path:
        """Return the path of a file as an engine opens it."""
        return self.snapshot / file.path

    def blob(self, file: File) -> Path:
        """Return the path of a file's content, if links work."""
        return self.folder / "blobs" / file.etag

    def ref(self, name: str) -> Path:
        """Return the file of a ref."""
        return self.folder / "refs" / name


def own_ref(commit: str) -> str:
    """Return modelgen's own ref, with which `hf cache prune` keeps the snapshot, whatever `main` names."""
    return f"{_OWN_REFS}/{commit}"


def checkouts(
    hub: Path, snapshots: Iterable[Snapshot], by_name: Container[str] = (), every: Iterable[Snapshot] | None = None
) -> list[Checkout]:
    """Return the entries of a lock by repository and commit.

    Args:
        hub: The hub directory.
        snapshots: Entries of the lock.
        by_name: Ids of the models that open their repository by its name.
        every: All entries of the lock, if `snapshots` are those of some models; they determine refs and listings.

    Raises:
        InputError: Two entries of one commit disagree about a file.
    """
    grouped = _grouped(snapshots)
    whole = grouped if every is None else _grouped(every)
    names = _refs(whole)
    return [
        Checkout(
            hub,
            repo,
            commit,
            _files(entries),
            names[repo, commit],
            tuple(dict.fromkeys(model for entry in entries for model in entry.models)),
            any(model in by_name for entry in entries for model in entry.models),
            None if every is None else _files(whole[repo, commit]),
        )
        for (repo, commit), entries in grouped.items()
    ]


def _grouped(snapshots: Iterable[Snapshot]) -> dict[tuple[str, str], list[Snapshot]]:
    grouped: dict[tuple[str, str], list[Snapshot]] = {}
    for snapshot in snapshots:
        grouped.setdefault((snapshot.repo, snapshot.commit), []).append(snapshot)
    return grouped


def _files(entries: Iterable[Snapshot]) -> dict[str, File]:
    files: dict[str, File] = {}
    for entry in entries:
        for file in entry.files:
            if files.setdefault(file.path, file) != file:
                raise InputError(
                    f"models.lock has two versions of {file.path} at one commit of {entry.repo}; "
                    f"run `modelgen lock --upgrade {' '.join(entry.models)}`"
                )
    return files


def _refs(grouped: Mapping[tuple[str, str], list[Snapshot]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the refs of each checkout.

    Without a ref, a look-up by name fails offline and `hf cache prune` deletes the snapshot as detached. A commit that
    no entry names by a revision gets `main`, unless another one has it.
    """
    holders: dict[tuple[str, str], str] = {}
    for (repo, commit), entries in grouped.items():
        for entry in entries:
            if entry.revision is None or not is_commit(entry.revision):
                holders.setdefault((repo, entry.revision or DEFAULT_REF), commit)
    for repo, commit in grouped:
        holders.setdefault((repo, DEFAULT_REF), commit)
    found: dict[tuple[str, str], list[str]] = {key: [] for key in grouped}
    for (repo, name), commit in holders.items():
        found[repo, commit].append(name)
    return {key: tuple(names) or (own_ref(key[1]),) for key, names in found.items()}


def tree_listing(checkout: Checkout, more: Mapping[str, object] | None = None) -> bytes:
    """Return the listing of a checkout, reduced to locked files; `more` are entries of other present files.

    With the full listing of the repository, a client from 2.0 on reports the snapshot as incomplete; without a listing,
    an older one takes half of it as complete. The client writes the same form (_tree_cache.py, format 1).
    """
    listed = checkout.files if checkout.listed is None else checkout.listed
    entries: dict[str, object] = {**(more or {}), **{path: _tree_entry(file) for path, file in listed.items()}}
    files = {path: entries[path] for path in sorted(entries)}
    return json.dumps({"format_version": _TREE_FORMAT, "files": files}, indent=1).encode()


def _tree_entry(file: File) -> dict[str, str | int]:
    if file.sha256 is None:
        return {"size": file.size, "blob_id": file.blob or ""}
    # In git, a large file is a pointer of three lines, computed from its hash and size.
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{file.sha256}\nsize {file.size}\n".encode()
    blob = hashlib.sha1(b"blob %d\0%s" % (len(pointer), pointer), usedforsecurity=False).hexdigest()
    return {"size": file.size, "blob_id": blob, "lfs_sha256": file.sha256, "lfs_size": file.size}


def asset_path(hub: Path, asset: Asset) -> Path:
    """Return the path of a file that is on no hub: below the hub directory, so that its mount includes it."""
    return hub / ASSETS / asset.sha256 / asset.name
