"""Suggest similar names for a misspelt one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORT = 4
_MOST = 48
"""As many words as are listed: the keys of a model are about 40."""


def did_you_mean(word: str, known: Iterable[str], *, list_known: bool = True) -> str:
    """Return `did you mean …?` with the nearest known word, else the known words, else an empty string.

    Args:
        word: As written.
        known: The words that are allowed there.
        list_known: List the known words if none is near; False if the message lists them already.
    """
    words = tuple(sorted(known))
    if (near := _nearest(word, words)) is not None:
        return f"did you mean `{near}`?"
    if not words or not list_known:
        return ""
    shown = ", ".join(f"`{other}`" for other in words[:_MOST])
    return f"known here: {shown}{' …' if len(words) > _MOST else ''}"


@lru_cache(maxsize=1024)  # one typo may be in thousands of places, and each comparison takes milliseconds
def _nearest(word: str, words: tuple[str, ...]) -> str | None:
    """Return the known word that is probably meant: most letters of each part agree (`eplb` is not `deploy`)."""
    # Imported here: a build without a typo does not pay for it.
    from difflib import get_close_matches

    shape = word.lower().replace("_", "-")
    by_shape = {other.lower().replace("_", "-"): other for other in reversed(words)}
    joined = {other.replace("-", ""): known for other, known in by_shape.items()}
    if (same := joined.get(shape.replace("-", ""))) is not None:  # `cuda_graph_mode` is `cudagraph_mode`
        return same
    cutoff = 0.66 if len(shape) <= _SHORT else 0.75
    for close in get_close_matches(shape, by_shape, n=3, cutoff=cutoff):
        parts = close.split("-")
        if all(get_close_matches(part, parts, n=1, cutoff=0.65) for part in shape.split("-")):
            return by_shape[close]
    return None
