"""Repositories: commits that never change, and the branches and tags that name them."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from hub_double.content import LFS_SUFFIXES, Blob, blob_of, git_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Gated = Literal["auto", "manual"] | bool
Xet = bool | Collection[str]  # all LFS files, or globs
SHORT_COMMIT = re.compile("[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Commit:
    """A state of a repository."""

    id: str
    parent: Commit | None
    files: Mapping[str, Blob]

    @property
    def date(self) -> str:
        """A time that is later for every commit, and the same in every run."""
        age = 0
        commit = self.parent
        while commit:
            age, commit = age + 1, commit.parent
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=age)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Repo:
    """A model's repository."""

    id: str
    gated: Literal["auto", "manual", False] = False
    private: bool = False
    license: str = "apache-2.0"
    task: str = "text-generation"  # empty for none
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag, a ref's full name or the beginning of a commit's id names."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        commit = self.branches.get(name) or self.tags.get(name)
        if commit is None and SHORT_COMMIT.fullmatch(revision):
            matches = [known for known in list(self.commits) if known.startswith(revision)]
            commit = matches[0] if len(matches) == 1 else None
        return self.commits.get(commit) if commit else None

    def forget(self, commit: str) -> None:
        """Drop a commit; what pointed at it points at its parent, as after a push by force."""
        parent = self.commits.pop(commit).parent
        for names in (self.branches, self.tags):
            for name in [name for name, target in names.items() if target == commit]:
                if parent and parent.id in self.commits:
                    names[name] = parent.id
                else:
                    del names[name]


class Store:
    """All repositories, and the content that the CDN still has when a repository is gone."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, Blob] = {}
        self.lock = threading.Lock()

    def add(
        self,
        repo_id: str,
        files: Mapping[str, bytes | Path],
        *,
        revision: str,
        delete: Collection[str],
        lfs_over: int,
        xet: Xet,
    ) -> str:
        """Commit these files on a branch, over what it has; a new branch starts where main is."""
        blobs = {path: _blob(path, content, lfs_over, xet) for path, content in files.items()}
        with self.lock:
            repo = self.repos.setdefault(repo_id, Repo(repo_id))
            self.blobs.update({blob.sha256: blob for blob in blobs.values() if blob.sha256})
            parent = repo.find(revision) or repo.find("main")
            tree = {**parent.files, **blobs} if parent else blobs
            tree = {path: tree[path] for path in sorted(tree) if path not in delete}
            described = "\n".join([parent.id if parent else repo_id, *(f"{tree[path].oid} {path}" for path in tree)])
            commit = Commit(git_name(described.encode(), "commit"), parent, tree)
            repo.commits[commit.id] = commit
            repo.branches[revision] = commit.id
        return commit.id


def _blob(path: str, content: bytes | Path, lfs_over: int, xet: Xet) -> Blob:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    is_xet = xet if isinstance(xet, bool) else any(fnmatchcase(path, pattern) for pattern in xet)
    return blob_of(content, lfs=size > lfs_over or path.endswith(LFS_SUFFIXES), xet=is_xet)
