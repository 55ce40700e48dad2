"""Collect what the estimate of a model's start needs, from models.toml and models.lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.fit.budgets import share
from modelgen.fit.estimate import Start
from modelgen.fit.measured import flags_digest
from modelgen.fit.shapes import CannotEstimateError, read_shape
from modelgen.fit.weights import weights_of
from modelgen.resolve.assets import config_in
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from modelgen.lockfile.measured import MeasuredStart
    from modelgen.resolve import Card, ModelPins, ModelRun, Resolved


def start_of(resolved: Resolved, name: str) -> Start:
    """Return the start of a model on its GPUs. Of unequal GPUs, the smallest counts, as for the engine.

    Raises:
        CannotEstimateError: Something is not known; the text says what, and which command adds it.
    """
    run, pins = resolved.runs[name], resolved.pins[name]
    known = run.engine
    if known is None or known.memory is None:
        title = known.title if known else run.engine_name
        if pins.entry is None:
            raise CannotEstimateError(f"the memory of {title} is not known")
        size = sum(pins.entry.weights.values())
        weights = f"{of_memory(size)} of weights" if size else "weights"
        raise CannotEstimateError(f"no public source shows what {title} takes besides its {weights}")
    if run.version is None:
        raise CannotEstimateError("the version of its image is not known")
    card = card_of(resolved, run)
    if pins.entry is None:
        raise CannotEstimateError("its repository is not locked; run `modelgen lock`")
    if not pins.config:
        raise CannotEstimateError("its config.json is not in models.lock, is empty, or cannot be read")
    length = run.args.get(known.length, pins.length)
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        read_shape(pins.config)  # an unknown family is the better reason
        raise CannotEstimateError(f"`{known.length}` is not written, and config.json has no `max_position_embeddings`")
    return Start(
        config=pins.config,
        args=run.args,
        weights=weights_of(pins.entry.weights, pins.config, run.args),
        memory=card.memory,
        visible=card.known.visible if card.known else None,
        share=float(share([card], run.model.gpu_memory)),
        length=length,
        rank=_rank(run, pins) if run.model.loras else 0,
        draft=_draft(pins),
        facts=known.memory(run.version, card.memory, card.known.name if card.known else ""),
        measured=measured_of(resolved, name, card.memory),
    )


def measured_of(resolved: Resolved, name: str, memory: int) -> MeasuredStart | None:
    """Return the measured start of a model, if it still has the same commit, release, flags and GPUs."""
    run, entry, found = resolved.runs[name], resolved.pins[name].entry, resolved.measured.get(name)
    if found is None or entry is None or run.version is None or run.engine is None:
        return None
    now = (entry.commit, run.version.text, flags_digest(run.args, run.engine.length), memory, len(run.model.gpus or ()))
    return found if now == (found.commit, found.version, found.flags, found.memory, found.gpus) else None


def _draft(pins: ModelPins) -> tuple[Mapping[str, Any], int] | None:
    """Return config and bytes of the draft model; None without one, or if it is not locked."""
    entry = next((entry for want, entry in pins.needs if want.role == "draft"), None)
    return (config_in(entry), sum(entry.weights.values())) if entry else None


def _rank(run: ModelRun, pins: ModelPins) -> int:
    """Return the rank that the slots for adapters are made for."""
    rank = run.args.get(run.engine.lora_rank if run.engine else "", pins.lora_limit)
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise CannotEstimateError("the ranks of its adapters are not known; run `modelgen lock`")
    return rank


def card_of(resolved: Resolved, run: ModelRun) -> Card:
    """Return the smallest GPU of a model.

    Raises:
        CannotEstimateError: It has none, or the memory of one is not known.
    """
    names = run.model.gpus or []
    cards = [resolved.cards[name] for name in names if name in resolved.cards]
    if not cards or len(cards) < len(names):
        raise CannotEstimateError("it uses no GPU" if not names else "the memory of its GPUs is not known")
    return min(cards, key=lambda card: card.memory)
