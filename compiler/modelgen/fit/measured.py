"""Use what a start has printed in place of estimates."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.budgets import PARTS
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.lockfile.measured import MeasuredStart

_ERROR = 0.1 * 2**30
"""The difference between two starts of the same model; more than the digits that engines print."""


def flags_digest(args: Mapping[str, Any], length: str) -> str:
    """Return a digest of the flags that change the memory beside the KV cache: all but the longest request."""
    counted = {name: value for name, value in args.items() if name != length}
    return hashlib.sha256(json.dumps(counted, sort_keys=True, default=str).encode()).hexdigest()[:16]


def measured_lines(lines: tuple[Line, ...], start: MeasuredStart, share: float) -> tuple[Line, ...]:
    """Return the sum of a start whose memory was measured, with a share of its GPUs that may be another now.

    Args:
        lines: The estimated lines, what is reserved first.
        start: The measured start.
        share: The share that is reserved now.
    """
    seen = Amount(*(int(part / share) for part in lines[0].amount))
    before, now = start.parts / PARTS, lines[0].amount.value
    beside = int(seen.value * before) - start.weights - start.cache
    # What a program sees of the GPU counts only as far as the share differs from the measured one.
    error = _ERROR + abs(share - before) * (seen.high - seen.low) / 2
    how = f"reserved, less weights and the {of_memory(start.cache)} of KV cache that the engine printed"
    return (
        lines[0]._replace(amount=Amount(now, now, now)),
        Line("weights", Amount.around(start.weights, 0, 0), "measured", "printed by the engine"),
        Line("all else", Amount(int(beside - error), beside, int(beside + error)), "measured", how),
    )
