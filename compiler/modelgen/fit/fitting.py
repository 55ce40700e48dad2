"""Fit models to their GPUs: choose what models.toml leaves open, and estimate the memory of every locked model."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.fit.estimate import Estimate
    from modelgen.fit.sizing import Shares
    from modelgen.resolve import Resolved


class Length(NamedTuple):
    """The longest request that is served where none is written: `chosen` tokens of the model's `own`."""

    chosen: int
    own: int


class Fitted(NamedTuple):
    """A resolved file, with sizes and lengths put in where models.toml leaves them open.

    Args:
        resolved: The file.
        estimates: The memory of each locked model whose memory can be estimated, by the model's id.
        shares: What was found for `gpu_memory = "auto"`; None if no model has it.
        lengths: The lengths that were chosen, by the model's id.
        short: The models whose length is not written, and that have no room for a short request, with the estimate for
            the model's own length.
    """

    resolved: Resolved
    estimates: Mapping[str, Estimate] = MappingProxyType({})
    shares: Shares | None = None
    lengths: Mapping[str, Length] = MappingProxyType({})
    short: Mapping[str, Estimate] = MappingProxyType({})


def fit_models(resolved: Resolved) -> Fitted:
    """Fit the models of a resolved document, which may have errors."""
    automatic = [name for name, run in resolved.runs.items() if run.model.gpu_memory == "auto" and run.model.gpus]
    if resolved.lock is None and not automatic:
        return Fitted(resolved)  # without importing the arithmetic: most checks run without a lock
    from modelgen.fit.sizing import divide_cards, fitting_length, with_length

    shares = divide_cards(resolved, automatic) if automatic else None
    resolved = shares.resolved if shares else resolved
    found = _estimates(resolved)
    lengths: dict[str, Length] = {}
    short: dict[str, Estimate] = {}
    for name, one in [*found.items()]:
        if (own := resolved.pins[name].length) is None:
            continue
        if (chosen := fitting_length(one)) is None:
            short[name] = found.pop(name)
        else:
            lengths[name] = Length(chosen, own)
    changed = {name: length.chosen for name, length in lengths.items() if length.chosen != length.own}
    resolved = with_length(resolved, changed)
    return Fitted(resolved, {**found, **_estimates(resolved, changed)}, shares, lengths, short)


def _estimates(resolved: Resolved, names: Mapping[str, object] | None = None) -> dict[str, Estimate]:
    from modelgen.fit.models import estimate_start, start_of_model
    from modelgen.fit.shapes import CannotEstimateError

    found = {}
    for name in resolved.runs if names is None else names:
        if resolved.pins[name].entry is None or resolved.runs[name].model.gpu_memory == "auto":
            continue
        try:
            found[name] = estimate_start(start_of_model(resolved, name))
        except CannotEstimateError:
            continue
    return found
