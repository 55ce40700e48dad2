"""Determine what a model can do, for the list of models; what is not known for sure is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.api.warmup import CHAT, EMBEDDINGS, is_on, transcribes
from modelgen.engines.engine import warmup_route
from modelgen.engines.flags import token_count, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.resolve import ModelPins, ModelRun

_COMPLETIONS = "/v1/completions"


def context_length(run: ModelRun, pins: ModelPins) -> int | None:
    """Return the tokens of the longest request with its answer; None if slots share them, or without a known flag."""
    engine = run.engine
    if engine is None or not engine.length:
        return None
    length = token_count(run.args.get(engine.length), iec=engine.iec_lengths) or pins.length
    slots = whole_number(run.args.get(engine.slots, 1)) if engine.slots else 1
    return length if slots == 1 and length is not None and length > 0 else None


def capabilities(run: ModelRun, pins: ModelPins) -> tuple[str, ...]:
    """Return the capabilities of a model whose config.json or GGUF file is known."""
    is_known = bool(pins.config) or pins.gguf.model is not None
    if run.engine is None or not run.engine.needs_repo or not is_known:
        return ()
    route = warmup_route(run.engine, run.args, pins.config)
    if route == CHAT:
        return tuple(_of_generator(run, pins))
    return ("audio",) if transcribes(pins.config) else ("embedding",) if route == EMBEDDINGS else ("rerank",)


def _of_generator(run: ModelRun, pins: ModelPins) -> Iterator[str]:
    routes = run.engine.routes if run.engine else ()
    yield from (name for name, route in (("chat", CHAT), ("completion", _COMPLETIONS)) if route in routes)
    if pins.gguf.mmproj is not None or _sees(run.args, pins.config):
        yield "vision"
    if "audio_config" in pins.config:
        yield "audio"
    if "tool-call-parser" in run.args or is_on(run.args, "jinja"):
        yield "tools"
    if "reasoning-parser" in run.args:
        yield "reasoning"


def _sees(args: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether a model takes images, unless its flags allow none."""
    limits = args.get("limit-mm-per-prompt")
    is_off = is_on(args, "language-model-only") or (isinstance(limits, dict) and limits.get("image") == 0)
    return "vision_config" in config and not is_off and args.get("limit-mm-per-prompt.image") != 0
