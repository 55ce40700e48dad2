"""What a fetch tells while it runs; the command line shows it as bars, lines or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """Before the first byte: what there is to bring, and how much of it an earlier run left."""

    files: int
    bytes: int
    resumed: int


@dataclass(frozen=True, slots=True)
class Started:
    """A file begins to come."""

    repo: str
    file: str
    bytes: int


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
class Noticed:
    """Something that a person may want to know: a wait, a damaged file, another process."""

    text: str


Event = Planned | Started | Advanced | Finished | Noticed
Report = Callable[[Event], None]
