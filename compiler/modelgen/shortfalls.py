"""What a file system could not do, although the command succeeded: collected while it runs, said once at its end."""

from __future__ import annotations

_noted: dict[str, str] = {}


def note(kind: str, sentence: str) -> None:
    """Note a shortfall; of each kind, only the first is said."""
    _noted.setdefault(kind, sentence)


def take() -> list[str]:
    """Return what was noted, and forget it."""
    sentences = [*_noted.values()]
    _noted.clear()
    return sentences
