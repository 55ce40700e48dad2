"""Define the problems that `verify` finds in a hub directory, and the repair for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from modelgen.hub.cache.layout import Checkout
    from modelgen.lockfile.entries import File

FIX = "run `modelgen verify --fix`"


@dataclass(frozen=True, slots=True)
class Drop:
    """Link to the blob with the content of a file; if the blob is wrong, move both aside for a fetch."""

    path: str
    blob: str | None
    file: File


@dataclass(frozen=True, slots=True)
class Link:
    """Link to the blob with the content of a file; if the blob is wrong, change nothing."""

    path: str
    blob: str
    file: File


@dataclass(frozen=True, slots=True)
class Unite:
    """Replace files by links to blobs with the same content."""

    files: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """Write a small file again, with contents from the lock."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """Make a file or folder readable for all."""

    path: str
    bits: int


@dataclass(frozen=True, slots=True)
class Remove:
    """Move a foreign file aside."""

    path: str


Remedy = Drop | Link | Unite | Write | Open | Remove


@dataclass(frozen=True, slots=True)
class Problem:
    """A difference between the hub directory and the lock.

    Args:
        path: The path below the hub directory.
        kind: The kind of problem as one word, for programs.
        text: The problem, as in "<path> is missing".
        help: The next step.
        repo: Repository id, or an empty string.
        models: Ids of the models that need it.
        is_wrong: Whether a locked file is wrong; otherwise it is a note.
        remedy: The repair of `--fix`; None if there is none.
    """

    path: str
    kind: str
    text: str
    help: str
    repo: str = ""
    models: tuple[str, ...] = ()
    is_wrong: bool = True
    remedy: Remedy | None = None


def how_to_bring(checkout: Checkout, *, is_bad: bool) -> str:
    """Return how to get a content again: from the hub, or from the original files of a local checkpoint.

    Args:
        checkout: The checkout of the content.
        is_bad: Whether a wrong file is in its place, which a fetch might accept.
    """
    if is_local(checkout.repo):
        return f"run `modelgen add PATH --as {checkout.repo}` again with the original files"
    return f"{FIX}, then `modelgen fetch`" if is_bad else "run `modelgen fetch`"
