"""Define the problems that `verify` finds in a hub directory, and the repair for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import File

FIX = "run `modelgen verify --fix`"


@dataclass(frozen=True, slots=True)
class Drop:
    """Link to the blob that is the content of a file; where that is wrong, move both aside for a fetch."""

    path: str
    blob: str | None
    file: File


@dataclass(frozen=True, slots=True)
class Link:
    """Link to the blob that is the content of a file; where that is wrong, leave all as it is."""

    path: str
    blob: str
    file: File


@dataclass(frozen=True, slots=True)
class Unite:
    """Put links in place of files that are on the disk a second time, as blobs."""

    files: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """Write a small file anew: the lock says what is in it."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """Let everybody read a file or a folder."""

    path: str
    bits: int


@dataclass(frozen=True, slots=True)
class Remove:
    """Move aside what nobody asked for."""

    path: str


Remedy = Drop | Link | Unite | Write | Open | Remove


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as the lock says.

    Args:
        path: Below the hub directory.
        kind: In a word, for programs.
        text: What is wrong, as in "<path> is missing".
        help: What to do.
        repo: Repository id, or an empty string.
        models: Ids of the models that need it.
        is_wrong: Whether something is wrong with what is locked; else it is a note.
        remedy: What `--fix` does; None where it can do nothing.
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
    """Return how a content comes again: from the hub, or from where a local checkpoint was added.

    Args:
        checkout: Whose content it is.
        is_bad: Whether something wrong is in its place, which a fetch may take for it.
    """
    if is_local(checkout.repo):
        return f"run `modelgen add PATH --as {checkout.repo}` again with what it came from"
    return f"{FIX}, then `modelgen fetch`" if is_bad else "run `modelgen fetch`"
