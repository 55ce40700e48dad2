"""Suggest similar names for a misspelt one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], *, list_known: bool = True) -> str:
    """Return `did you mean …?` with the nearest known word, else the known words, else an empty string.

    Args:
        word: As written.
        known: The words that are allowed there.
        list_known: List the known words if none is near; False if the message lists them already.
    """
    # Imported here: a build without a typo does not pay for it.
    from difflib import get_close_matches

    words = sorted(known)
    by_shape = {other.lower().replace("_", "-"): other for other in reversed(words)}
    if close := get_close_matches(word.lower().replace("_", "-"), by_shape, n=1, cutoff=0.6):
        return f"did you mean `{by_shape[close[0]]}`?"
    if not words or not list_known:
        return ""
    shown = ", ".join(f"`{other}`" for other in words[:20])
    return f"known here: {shown}{' …' if len(words) > 20 else ''}"
