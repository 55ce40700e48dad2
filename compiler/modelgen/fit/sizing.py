"""Choose what models.toml leaves open: the shares of `gpu_memory = "auto"`, and longest requests that are not written.

Both follow from the estimates, so from models.toml and models.lock alone.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from modelgen.fit.budgets import PARTS, reservations, share
from modelgen.fit.dividing import Group, Need, crowded, divide
from modelgen.fit.models import estimate_start, start_of_model
from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.fit.estimate import AnyStart, Estimate
    from modelgen.resolve import ModelRun, Resolved

_COUNTED = 8192
"""The longest request that a model without a written length is counted with while GPUs are divided."""
_STEP = 1024
_SHORTEST = 2048


class Share(NamedTuple):
    """The share of its GPUs that a model with `gpu_memory = "auto"` gets.

    Args:
        need: Bytes of a GPU that it needs with one request.
        length: The tokens of that request.
        beside: The other models among which the GPU is divided.
    """

    need: int
    length: int
    beside: tuple[str, ...]


class Crowd(NamedTuple):
    """Models that need more of a GPU than there is.

    Args:
        group: The models.
        needs: The bytes that each with an open size needs.
        free: The bytes that the others leave of the limit.
        largest: The model that needs most.
        longest: Its longest request for which there would be room; 0 without room for a short one.
    """

    group: Group
    needs: Mapping[str, int]
    free: int
    largest: str
    longest: int


class Shares(NamedTuple):
    """The shares of the models with `gpu_memory = "auto"`.

    Args:
        resolved: The file, with a share in place of `auto` where there is one.
        chosen: The shares.
        unknown: The models whose need cannot be estimated, with the reason.
        crowds: The groups of models that need more than there is.
    """

    resolved: Resolved
    chosen: Mapping[str, Share]
    unknown: Mapping[str, str]
    crowds: tuple[Crowd, ...]


def divide_cards(resolved: Resolved, names: Iterable[str]) -> Shares:
    """Choose the shares of models with `gpu_memory = "auto"`."""
    whole = _with_memory(resolved, dict.fromkeys(names))
    starts, needs, unknown = dict[str, "AnyStart"](), dict[str, Need](), dict[str, str]()
    for name in names:
        try:
            starts[name] = _shortened(resolved, name, start_of_model(whole, name))
            needs[name] = _need(starts[name])
        except CannotEstimateError as error:
            unknown[name] = str(error)
    groups = _groups(resolved, needs)
    full = crowded(needs, groups)
    divided = {name: need for name, need in needs.items() if not any(name in group.models for group in full)}
    shares = divide(divided, groups)
    chosen = {
        name: Share(_bytes(needs[name].least, starts[name].memory), starts[name].length, _beside(name, groups))
        for name in shares
    }
    sized = _with_memory(resolved, {name: parts / PARTS for name, parts in shares.items()})
    crowds = tuple(_crowd(group, needs, starts, resolved.cards[group.gpu].memory) for group in full)
    return Shares(sized, chosen, unknown, crowds)


def _crowd(group: Group, needs: Mapping[str, Need], starts: Mapping[str, AnyStart], memory: int) -> Crowd:
    largest = max(group.models, key=lambda name: needs[name].least)
    left = group.free - sum(needs[name].least for name in group.models if name != largest)
    found = _with_share(starts[largest], left)
    longest = found.longest if found else 0
    sizes = {name: _bytes(needs[name].least, memory) for name in group.models}
    return Crowd(group, sizes, max(0, _bytes(group.free, memory)), largest, longest if longest >= _SHORTEST else 0)


def fitting_length(found: Estimate) -> int | None:
    """Return the longest request to serve, at most that of the estimate; None if there is no room for a short one.

    A length that is smaller than the model's own is a multiple of 1,024 tokens.
    """
    if found.longest == found.start.length:
        return found.longest
    rounded = found.longest // _STEP * _STEP
    return rounded if rounded >= _SHORTEST else None


def estimate_open(start: AnyStart, own: int) -> Estimate:
    """Estimate a start whose longest request is not written, with the longest that fits, at most the model's own.

    Raises:
        CannotEstimateError: As `estimate_start`.
    """
    found = estimate_start(start._replace(length=own))
    chosen = fitting_length(found)
    return found if chosen in (None, own) else estimate_start(start._replace(length=chosen or own))


def with_length(resolved: Resolved, lengths: Mapping[str, int]) -> Resolved:
    """Return the file with other lengths for the models that have none."""
    pins = {name: resolved.pins[name]._replace(length=length) for name, length in lengths.items()}
    return resolved._replace(pins={**resolved.pins, **pins})


def _with_memory(resolved: Resolved, memory: Mapping[str, float | None]) -> Resolved:
    runs: dict[str, ModelRun] = {}
    for name, size in memory.items():
        run = resolved.runs[name]
        runs[name] = run._replace(model=run.model.model_copy(update={"gpu_memory": size}))
    return resolved._replace(runs={**resolved.runs, **runs})


def _shortened(resolved: Resolved, name: str, start: AnyStart) -> AnyStart:
    """Return the start with a shorter request if its length is not written."""
    is_open = resolved.pins[name].length is not None
    return start._replace(length=min(start.length, _COUNTED)) if is_open else start


def _need(start: AnyStart) -> Need:
    """Return the least share with which one request fits for certain; more than the whole if none does.

    The room grows with the share, so the sum for the whole GPU gives the share but for its rounding.
    """
    whole = estimate_start(start._replace(share=1.0))
    lacking = whole.cache.of_request - whole.room.low
    least = max(1, PARTS - -lacking * PARTS // max(1, whole.lines[0].amount.low))

    def fits(parts: int) -> bool:
        found = _with_share(start, parts)
        return found is not None and found.verdict == "fits"

    if least <= PARTS and not fits(least):
        least += bisect_left(range(least, PARTS + 1), x=True, key=fits)
    return Need(least, Fraction(max(1, whole.cache.of_request) * PARTS, start.memory))


def _with_share(start: AnyStart, parts: int) -> Estimate | None:
    """Return the estimate with a share for a start that has one with the whole GPU; None if that share is too small.

    SGLang sets memory aside first, so that a small share leaves nothing for weights.
    """
    try:
        return estimate_start(start._replace(share=parts / PARTS)) if parts > 0 else None
    except CannotEstimateError:
        return None


def _groups(resolved: Resolved, needs: Mapping[str, Need]) -> list[Group]:
    """Return the models that can be loaded at the same time, by GPU: profiles, and single models, with what stays."""
    runs = resolved.runs
    order = {name: number for number, name in enumerate(runs)}
    kept = [name for name, run in runs.items() if run.model.keep_loaded]
    profiles = resolved.document.config.profiles or {}
    together = [(name, (*profile.models, *kept)) for name, profile in profiles.items()]
    found = dict[tuple[str, tuple[str, ...], tuple[str, ...]], Group]()
    for profile, names in [*together, *(("", (name, *kept)) for name in needs)]:
        members = sorted({name for name in names if name in runs}, key=order.__getitem__)
        for gpu in dict.fromkeys(gpu for name in members for gpu in runs[name].model.gpus or ()):
            here = [name for name in members if gpu in (runs[name].model.gpus or ())]
            models = tuple(name for name in here if name in needs)
            others = tuple(name for name in here if runs[name].model.gpu_memory != "auto")
            if models and (gpu, models, others) not in found:
                free = _free(resolved, gpu, others)
                found[gpu, models, others] = Group(profile, gpu, models, others, free)
    return [*found.values()]


def _free(resolved: Resolved, gpu: str, others: Iterable[str]) -> int:
    """Return what models with a written size leave of a GPU's limit, in ten-thousandths."""
    card, taken = resolved.cards[gpu], 0
    for name in others:
        model = resolved.runs[name].model
        own = {one: resolved.cards[one] for one in model.gpus or () if one in resolved.cards}
        taken += reservations(own, model.gpu_memory)[gpu]
    return int(share([card], None) * PARTS) - -(-taken * PARTS // card.memory)


def _beside(name: str, groups: Iterable[Group]) -> tuple[str, ...]:
    """Return the other models with an open size that can be loaded beside a model."""
    together = [group.models for group in groups if name in group.models]
    return tuple(dict.fromkeys(one for models in together for one in models if one != name))


def _bytes(parts: int, memory: int) -> int:
    return parts * memory // PARTS
