"""Find files that the account of a container cannot read; it differs from the account that fetched them.

`cap_drop: [ALL]` also takes from root the right to read files that are closed to others (tests/e2e; hosts.md).
"""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub.verifying.problems import FIX, Open, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.cache.following import Landing

_FOLDER = stat.S_IROTH | stat.S_IXOTH
_FILE = stat.S_IROTH


@dataclass
class Passed:
    """The modes of all locked files and their folders, by path below the hub directory."""

    folders: dict[tuple[str, ...], int] = field(default_factory=dict)
    files: dict[tuple[str, ...], int] = field(default_factory=dict)

    def note(self, landing: Landing) -> None:
        """Record the folders and the target of a path."""
        self.folders.update(landing.folders)
        if landing.status is not None and landing.is_file and landing.status.st_mode & _FILE != _FILE:
            self.files[landing.parts] = landing.status.st_mode


def unreadable(hub: Path, passed: Passed) -> Iterator[Problem]:
    """Yield the files that others cannot read; on Windows modes have no meaning."""
    if sys.platform == "win32":
        return
    for parts, mode in sorted({(): hub.stat().st_mode, **passed.folders}.items()):
        if mode & _FOLDER != _FOLDER:
            yield _closed("/".join(parts), mode, _FOLDER, "folder")
    for parts, mode in sorted(passed.files.items()):
        yield _closed("/".join(parts), mode, _FILE, "file")


def closed(path: str, mode: int) -> Problem | None:
    """Return a problem if others cannot read a file."""
    return None if mode & _FILE or sys.platform == "win32" else _closed(path, mode, _FILE, "file")


def _closed(path: str, mode: int, bits: int, kind: str) -> Problem:
    text = f"has mode {stat.S_IMODE(mode):04o}: the container's user cannot read this {kind}"
    letters = "rx" if kind == "folder" else "r"
    return Problem(
        path, "mode", text, f"{FIX}, or `chmod a+{letters}` it", remedy=Open(path, bits | bits << 3 | bits << 6)
    )
