"""Estimate a model of models.toml, by the kind of its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.fit.budgets import share
from modelgen.fit.estimate import Estimate, Start, estimate, verdict_of
from modelgen.fit.gguf import GgufStart, estimate_parts, longest
from modelgen.fit.pools import PoolCache, PoolStart, estimate_pool
from modelgen.fit.shapes import CannotEstimateError
from modelgen.fit.starts import card_of, start_of
from modelgen.fit.weights import weights_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.engine import Engine
    from modelgen.engines.facts import GgufServing, PoolServing
    from modelgen.fit.estimate import AnyStart
    from modelgen.lockfile.entries import GgufFacts, Snapshot
    from modelgen.resolve import Resolved


def start_of_model(resolved: Resolved, name: str) -> AnyStart:
    """Return the start of a model on its GPUs.

    Raises:
        CannotEstimateError: Something is not known; the text says what, and which command adds it.
    """
    engine = resolved.runs[name].engine
    if engine is not None and engine.gguf is not None:
        return _start_of_gguf(resolved, name, engine)
    if engine is not None and engine.pools is not None:
        return _start_of_pool(resolved, name, engine)
    return start_of(resolved, name)


def estimate_start(start: AnyStart) -> Estimate:
    """Estimate a start.

    Raises:
        CannotEstimateError: Something that changes the memory is not known; the text says what.
    """
    if isinstance(start, Start):
        return estimate(start)
    lines, cache = estimate_pool(start) if isinstance(start, PoolStart) else estimate_parts(start)
    room = lines[0].amount.minus(*(line.amount for line in lines[1:]))
    verdict = verdict_of(room, cache)
    at_most = start.length
    if verdict != "fits":
        at_most = cache.tokens(room.low) if isinstance(start, PoolStart) else longest(start, start.length)
    at_once = cache.sequences if isinstance(cache, PoolCache) else None
    return Estimate(start, lines, room, cache, at_most, verdict, at_once)


def _start_of_pool(resolved: Resolved, name: str, engine: Engine) -> PoolStart:
    run, pins = resolved.runs[name], resolved.pins[name]
    version, card, length = run.version, card_of(resolved, run), run.args.get(engine.length)
    if version is None:
        raise CannotEstimateError("the version of its image is not known")
    if pins.entry is None or not pins.config:
        raise CannotEstimateError("models.lock has no sizes of its tensors; run `modelgen lock`")
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        raise CannotEstimateError(f"`{engine.length}` is not written, so the longest request is not known")

    def read(cards: tuple[tuple[int, int], ...], args: Mapping[str, Any]) -> PoolServing | str:
        return engine.pools(version, cards, args) if engine.pools else ""

    return PoolStart(
        config=pins.config,
        args=run.args,
        read=read,
        weights=weights_of(pins.entry.weights, pins.config, run.args),
        memory=card.memory,
        gpus=len(run.model.gpus or ()),
        share=float(share([card], run.model.gpu_memory)),
        length=length,
    )


def _start_of_gguf(resolved: Resolved, name: str, engine: Engine) -> GgufStart:
    run, pins = resolved.runs[name], resolved.pins[name]
    card = card_of(resolved, run)
    if pins.entry is None:
        raise CannotEstimateError("its repository is not locked; run `modelgen lock`")
    if run.model.draft is not None:
        raise CannotEstimateError("the memory of a draft model is not known")

    def read(args: Mapping[str, Any]) -> GgufServing | str:
        return engine.gguf(run.version, args, run.env) if engine.gguf else ""

    serving = read(run.args)
    if isinstance(serving, str):
        raise CannotEstimateError(serving)
    projector = _facts(pins.entry, pins.gguf.mmproj) if pins.gguf.mmproj else None
    return GgufStart(
        facts=_facts(pins.entry, pins.gguf.model),
        projector=sum(projector.layers) + projector.input + projector.output if projector else 0,
        args=run.args,
        read=read,
        memory=card.memory,
        gpus=len(run.model.gpus or ()),
        share=float(share([card], run.model.gpu_memory)),
        length=serving.tokens,
    )


def _facts(entry: Snapshot, path: str | None) -> GgufFacts:
    found = next((one for one in entry.gguf or () if one.path == path), None)
    if found is None:
        raise CannotEstimateError("models.lock has no header of its GGUF file; run `modelgen lock`")
    return found
