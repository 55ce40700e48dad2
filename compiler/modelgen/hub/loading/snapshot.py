"""Read a snapshot in the hub directory as a container sees it."""

from __future__ import annotations

import json
import os
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow, open_regular
from modelgen.lockfile.repos import is_commit, repo_folder, snapshot_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_FILES = 50_000
_MOST_OF_JSON = 64 * 2**20
_MOST_OF_CODE = 4 * 2**20


class Files:
    """The files of a snapshot, without broken links and links out of the hub directory."""

    def __init__(self, hub: Path, repo: str, commit: str) -> None:
        """Create the view without opening anything.

        Args:
            hub: The hub directory.
            repo: Repository id.
            commit: 40 hex digits.
        """
        self._hub = hub
        self._folder = snapshot_folder(repo, commit)

    @cached_property
    def exists(self) -> bool:
        """Return whether the snapshot exists."""
        return follow(self._hub, self._folder).is_folder

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file by its path in the snapshot."""
        return dict(self._walk())

    def __contains__(self, path: object) -> bool:
        return path in self.sizes

    def matching(self, pattern: str) -> list[str]:
        """Return the files that match a shell pattern; `*` does not match `/`."""
        depth = pattern.count("/")
        return sorted(path for path in self.sizes if path.count("/") == depth and fnmatchcase(path, pattern))

    def first(self, *paths: str) -> str | None:
        """Return the first of some files that exists."""
        return next((path for path in paths if path in self), None)

    def json(self, path: str) -> object:
        """Return the value in a JSON file; None if it is missing, too large, or not JSON."""
        try:
            data = self._read(path, _MOST_OF_JSON)
            return None if data is None else json.loads(data)
        except (ValueError, RecursionError):
            return None

    def table(self, path: str) -> dict[str, object]:
        """Return the table in a JSON file; empty if there is none."""
        found = self.json(path)
        return found if isinstance(found, dict) else {}

    def text(self, path: str) -> str:
        """Return the text of a source file; empty if there is none."""
        data = self._read(path, _MOST_OF_CODE)
        return "" if data is None else data.decode(errors="replace")

    def place(self, path: str) -> Path | None:
        """Return the path of a file's content."""
        landing = follow(self._hub, f"{self._folder}/{path}")
        return self._hub.joinpath(*landing.parts) if landing.is_file else None

    def _read(self, path: str, most: int) -> bytes | None:
        place = self.place(path)
        if place is None:
            return None
        try:
            with open_regular(place) as file:
                data = file.read(most + 1)
        except OSError:
            return None
        return data if len(data) <= most else None

    def _walk(self) -> Iterator[tuple[str, int]]:
        todo, count = [""], 0
        while todo:
            below = todo.pop()
            for name in _names(self._hub, f"{self._folder}/{below}"):
                count += 1
                if count > _MOST_FILES:
                    return
                landing = follow(self._hub, f"{self._folder}/{below}{name}")
                if landing.is_folder and not landing.is_link:
                    todo.append(f"{below}{name}/")
                elif landing.is_file and landing.status is not None:
                    yield f"{below}{name}", landing.status.st_size


def commit_of(hub: Path, repo: str, revision: str) -> str | None:
    """Return the commit that an offline client opens for a revision; None if it finds none."""
    if is_commit(revision):
        return revision
    landing = follow(hub, f"{repo_folder(repo)}/refs/{revision}")
    if not landing.is_file:
        return None
    try:
        with open_regular(hub.joinpath(*landing.parts)) as file:
            commit = file.read(100).decode(errors="replace")
    except OSError:
        return None
    return commit if is_commit(commit) else None


def _names(hub: Path, folder: str) -> list[str]:
    landing = follow(hub, folder)
    if not landing.is_folder:
        return []
    try:
        return sorted(os.listdir(hub.joinpath(*landing.parts)))  # noqa: PTH208 - names alone
    except OSError:
        return []
