"""Collect what a file system could not do although a command succeeded, and print it once at the end."""

from __future__ import annotations

_noted: dict[str, str] = {}


def note(kind: str, sentence: str) -> None:
    """Note a shortfall. Only the last of each kind is printed, since the first may be about a temporary file."""
    _noted[kind] = sentence


def take() -> list[str]:
    """Return the notes and clear them."""
    sentences = [*_noted.values()]
    _noted.clear()
    return sentences
