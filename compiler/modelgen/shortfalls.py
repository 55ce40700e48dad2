"""Collect what a file system could not do although a command succeeded, and print it once at the end."""

from __future__ import annotations

_noted: dict[str, str] = {}


def note(kind: str, sentence: str) -> None:
    """Note a shortfall; of each kind, only the last is said: what came first may be a temporary file."""
    _noted[kind] = sentence


def take() -> list[str]:
    """Return what was noted, and forget it."""
    sentences = [*_noted.values()]
    _noted.clear()
    return sentences
