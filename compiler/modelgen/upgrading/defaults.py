"""Say which defaults change between two releases for a file that does not write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.engines.catalogues import Release

_RELIED_ON = (
    *("async-scheduling", "mamba-cache-mode"),
    *("prefix-cache-retention-interval", "page-size", "swa-full-tokens-ratio", "mamba-full-memory-ratio"),
    *("mamba-ssm-dtype", "hicache-ratio", "hicache-write-policy", "load-balance-method", "log-requests-level"),
    "piecewise-cuda-graph-max-tokens",
)
"""Flags that size memory, contexts or batches, or what is logged: a file that does not write them relies on their
defaults. Those of vLLM's batches depend on the GPU, and are in `MemoryFacts`."""


def changed_defaults(before: Release, after: Release, written: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the flags that are not written and have another default in the later release, with a sentence.

    Args:
        before: The release that is left.
        after: The release that is entered.
        written: The names of the flags that are written.
    """
    for name in _RELIED_ON:
        was, now = before.default(name), after.default(name)
        if was is not None and was != now and name not in written and after.get(name) is not None:
            yield name, f"`{name}` is not written; its default: {_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:  # noqa: ANN401 - whatever the catalogue has
    return "chosen at start" if value is None else json.dumps(value)
