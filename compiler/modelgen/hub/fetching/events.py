"""Define the events of a running fetch. The command line shows them as bars, lines or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan: what has to be downloaded, how much of it is here, and the number of repositories."""

    files: int
    bytes: int
    resumed: int
    repositories: int


@dataclass(frozen=True, slots=True)
class Started:
    """The download of a file starts, or continues after the bytes of an earlier run."""

    repo: str
    file: str
    bytes: int
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Advanced:
    """Some bytes of a file arrived; negative if they must be downloaded again."""

    repo: str
    file: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A file is complete, and its hash is right."""

    repo: str
    file: str


@dataclass(frozen=True, slots=True)
class Completed:
    """A repository is complete: its downloaded files and bytes."""

    repo: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice for the user: a wait, a damaged file, another process."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A download failed, with the error."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end: downloaded files and bytes."""

    files: int
    bytes: int


Event = Planned | Started | Advanced | Finished | Completed | Noticed | Failed | Done
Report = Callable[[Event], None]
