"""Write estimates of `modelgen fit` as JSON: all that the tables show, with units in the names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen import fit
from modelgen.cli.configuration.fit_profiles import together
from modelgen.cli.configuration.fit_tables import cards_of, helps, verdict_without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.cli.configuration.fit_changes import Changes
    from modelgen.fit.estimate import Estimate
    from modelgen.resolve import Resolved


def as_json(resolved: Resolved, found: Mapping[str, Estimate | str], changes: Changes) -> dict[str, Any]:
    """Return the estimates; of three numbers, the first is the least, and the last the most."""
    profiles = () if changes.card else together(resolved, found)
    return {
        "models": [_model(resolved, name, one, changes) for name, one in found.items()],
        "profiles": [
            {
                "profile": one.profile,
                "gpu": one.gpu,
                "models": [*one.models],
                "reserved_bytes": one.reserved,
                "left_bytes": one.left,
                "outside_limit_bytes": one.outside,
            }
            for one in profiles
        ],
    }


def _model(resolved: Resolved, name: str, one: Estimate | str, changes: Changes) -> dict[str, Any]:
    table = resolved.runs[name].model
    gpus = [changes.card.name] if changes.card else [*(table.gpus or ())]
    if isinstance(one, str):
        sizes = {} if changes.card else fit.reservations(cards_of(resolved, name), table.gpu_memory)
        reserved = max(sizes.values(), default=None)
        return {"model": name, "gpus": gpus, "reserved_bytes": reserved} | {
            "verdict": verdict_without(one),
            "reason": one,
        }
    has_cache = not one.keeps_nothing
    return {
        "model": name,
        "gpus": gpus,
        "reserved_bytes": int(one.start.memory * one.start.share),
        "verdict": one.verdict,
        "length_tokens": one.start.length,
        "longest_tokens": one.longest,
        "weights_bytes": one.lines[1].amount.value,
        "kv_cache_bytes": [*one.room] if has_cache else None,
        "request_bytes": one.cache.of_request or None,
        "printed_tokens": [*one.tokens()] if has_cache else None,
        "capacity_tokens": one.cache.tokens(one.room.value) if has_cache else None,
        "requests_at_once": round(one.requests, 2) if has_cache else None,
        "lines": [
            {"name": line.name, "bytes": [*line.amount], "source": line.source, "how": line.how} for line in one.lines
        ],
        "alternatives": [
            {"flag": choice.flag, "value": choice.value, "longest_tokens": choice.longest}
            for choice in helps(resolved, name, one, changes)
        ],
    }
