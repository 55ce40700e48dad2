"""Estimate whether a model fits: the sum from the memory of a GPU to the room for the KV cache, and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.blocks import overhead, parallel
from modelgen.fit.blocks.cache import Serving, cache_of, longest
from modelgen.fit.blocks.cache_types import cache_type, served_type
from modelgen.fit.blocks.drafts import draft_of, joined
from modelgen.fit.blocks.evidence import bar, public_starts
from modelgen.fit.blocks.settings import Settings
from modelgen.fit.measured import measured_lines
from modelgen.fit.shapes import read_shape
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.blocks.cache import Cache
    from modelgen.fit.blocks.drafts import Draft
    from modelgen.fit.blocks.evidence import Seen
    from modelgen.fit.gguf import GgufStart
    from modelgen.fit.gguf.cache import GgufCache
    from modelgen.fit.pools import PoolCache, PoolStart
    from modelgen.fit.shapes import Shape
    from modelgen.lockfile.measured import MeasuredStart

Verdict = Literal["fits", "tight", "does not fit"]


class Start(NamedTuple):
    """A start of a model.

    Args:
        config: The model's config.json, untrusted.
        args: Its flags, by canonical name.
        weights: Bytes of the tensors in its files.
        memory: The memory of each of its GPUs.
        visible: What programs see of that memory; None if no public log shows it.
        share: The share of that memory that it reserves.
        length: The longest request in tokens.
        rank: The largest rank of its LoRA adapters; 0 without adapters.
        draft: Config and bytes of the draft model of its speculative decoding; None without one.
        facts: How the release counts, and its defaults.
        measured: A start of the same model with the same flags that was measured, or None.
    """

    config: Mapping[str, Any]
    args: Mapping[str, Any]
    weights: int
    memory: int
    visible: int | None
    share: float
    length: int
    rank: int
    draft: tuple[Mapping[str, Any], int] | None
    facts: MemoryFacts
    measured: MeasuredStart | None = None


AnyStart: TypeAlias = "Start | GgufStart | PoolStart"


class Estimate(NamedTuple):
    """The memory that a start needs and gets, on each of its GPUs.

    Args:
        start: What was estimated.
        lines: The sum: what is reserved, and what goes off before the KV cache, the weights first.
        room: What is left for the KV cache.
        cache: The cache.
        longest: The longest request up to the one asked for that fits for certain, in tokens.
        verdict: Whether a request of the whole length fits.
        at_once: The most requests that the engine runs at the same time; None if the memory alone decides.
    """

    start: AnyStart
    lines: tuple[Line, ...]
    room: Amount
    cache: Cache | GgufCache | PoolCache
    longest: int
    verdict: Verdict
    at_once: int | None = None

    @property
    def requests(self) -> float:
        """The requests of the whole length that probably run at the same time."""
        fit = self.cache.concurrency(self.room.value)
        return fit if self.at_once is None else min(fit, self.at_once)

    @property
    def keeps_nothing(self) -> bool:
        """The model needs no KV cache, as encoders do."""
        return self.cache.of_request == 0

    def tokens(self) -> tuple[int, int, int]:
        """Return the tokens of the KV cache as the engine prints them: at least, probably, at most."""
        low, value, high = (self.cache.printed(memory) for memory in self.room)
        return low, value, high


def estimate(start: Start, evidence: tuple[Seen, ...] | None = None) -> Estimate:
    """Estimate a start.

    Args:
        start: The start.
        evidence: The starts that the error is learned from; None for the public ones.

    Raises:
        CannotEstimateError: Something that changes the memory is not known; the text says what.
    """
    is_quantized = isinstance(start.config.get("quantization_config"), dict)
    shape = read_shape(start.config)
    at_once = shape.tower.at_once if shape.tower else 0
    settings = Settings.read(start.args, start.facts, at_once, is_quantized=is_quantized)
    draft = draft_of(settings.draft, start.config, shape, start.draft)
    cached = shape._replace(layers=joined(shape.layers, draft.layers))
    serving = Serving(
        type=cache_type(served_type(settings.cache_dtype, start.config, start.facts), cached.layers),
        tensor=settings.parallel.tensor,
        stages=settings.parallel.stages,
        length=start.length,
        batch=settings.batch,
        drafts=draft.tokens,
        facts=settings.facts,
    )
    cache = cache_of(cached, serving)
    seen = public_starts() if evidence is None else evidence
    lines = tuple(_lines(start, settings, shape, draft, seen))
    if start.measured is not None and start.share > 0:
        lines = measured_lines(lines, start.measured, start.share)
    room = lines[0].amount.minus(*(line.amount for line in lines[1:]))
    verdict = verdict_of(room, cache)
    at_most = start.length if verdict == "fits" else longest(cached, serving, max(0, room.low))
    return Estimate(start, lines, room, cache, at_most, verdict, settings.sequences)


def _lines(start: Start, settings: Settings, shape: Shape, draft: Draft, evidence: tuple[Seen, ...]) -> list[Line]:
    seen = overhead.visible(start.memory, start.visible)
    reserved = Amount(*(int(memory * start.share) for memory in seen))
    # Of memory that is shared with the CPU, a program may see more than the driver reports.
    total = f" of {of_memory(start.memory)}" if seen.value < start.memory else ""
    how = f"{start.share:g} of the {of_memory(seen.value)} that a program sees{total}"
    lines = [Line("reserved", reserved, "measured", how)]
    lines.append(parallel.weights(start.weights, shape, settings.parallel, draft.unused))
    if draft.weights:
        lines.append(_draft_weights(draft.weights, settings.parallel.tensor))
    facts, tensor = settings.facts, settings.parallel.tensor
    samples = settings.sequences if settings.samples and shape.layers else 0
    is_lean = _is_lean(start, settings, shape)
    peak = overhead.activations(
        shape, facts, samples, settings.batch, tensor, encodes=settings.encodes, is_lean=is_lean
    )
    lines.append(peak)
    if start.rank:
        lines.append(overhead.adapters(shape, start.rank, settings.slots, tensor))
    counts_graphs = facts.lean.counts_graphs if is_lean and facts.lean else facts.counts_graphs
    if counts_graphs and settings.captures:
        lines.append(overhead.graphs(settings.sequences))
    lines.append(overhead.outside(settings.parallel.gpus, bar(evidence, facts.profile, start.memory)))
    return lines


def _is_lean(start: Start, settings: Settings, shape: Shape) -> bool:
    """Return whether the lean runner of the release serves the model."""
    lean = settings.facts.lean
    is_dense = not shape.experts and all(one.kind != "state" for one in shape.layers)
    is_quantized = isinstance(start.config.get("quantization_config"), dict)
    return (
        lean is not None and settings.samples and lean.runs(shape.family, is_dense=is_dense, is_quantized=is_quantized)
    )


def _draft_weights(size: int, tensor: int) -> Line:
    part = size / tensor
    how = f"{of_memory(size)} of tensors" + (f" / {tensor} GPUs" if tensor > 1 else "")
    # Drafts may share the vocabulary of the model, and may be whole on every GPU.
    return Line("draft", Amount.around(part, part / 2, size - part + part / 100), "lock", how)


def verdict_of(room: Amount, cache: Cache | GgufCache | PoolCache) -> Verdict:
    """Return whether one request of the whole length fits into the room for the cache."""
    if room.low >= cache.of_request:
        return "fits"
    return "tight" if room.high >= cache.of_request else "does not fit"
