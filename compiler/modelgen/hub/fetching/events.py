"""Define the events of a running fetch. The command line shows them as bars, lines or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """Before the first byte: what there is to bring, how much of it is here, and in how many repositories."""

    files: int
    bytes: int
    resumed: int
    repositories: int


@dataclass(frozen=True, slots=True)
class Started:
    """A file begins to come, or goes on after the bytes that an earlier run left."""

    repo: str
    file: str
    bytes: int
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Advanced:
    """Some bytes of a file came; fewer than none when they must come again."""

    repo: str
    file: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A file is there, and its hash is right."""

    repo: str
    file: str


@dataclass(frozen=True, slots=True)
class Completed:
    """All that a repository lacked is there: files and bytes that were brought of it."""

    repo: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that a person may want to know: a wait, a damaged file, another process."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something could not be brought: the sentence about it."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end: files and bytes that were brought."""

    files: int
    bytes: int


Event = Planned | Started | Advanced | Finished | Completed | Noticed | Failed | Done
Report = Callable[[Event], None]
