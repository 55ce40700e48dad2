"""What a file system could not do, although the command succeeded: collected while it runs, said once at its end."""

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
