"""Estimate whether a model fits: the sum from the memory of a GPU to the room for the KV cache, and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from modelgen.fit import overhead
from modelgen.fit.amounts import Amount, Line
from modelgen.fit.cache import Serving, cache_of, longest
from modelgen.fit.measured import measured_lines
from modelgen.fit.shapes import CannotEstimateError, read_shape
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.cache import Cache
    from modelgen.fit.gguf import GgufStart
    from modelgen.fit.gguf.cache import GgufCache
    from modelgen.fit.pools import PoolCache, PoolStart
    from modelgen.fit.shapes import Shape
    from modelgen.lockfile.measured import MeasuredStart

Verdict = Literal["fits", "tight", "does not fit"]
_OFFSET = 0.01
"""The share by which loaded weights differ from the tensors in the files: padding, and buffers that are not stored."""
_COPIED = 0.04
"""The share of the weights that every GPU of a tensor-parallel group may have whole."""


class Start(NamedTuple):
    """A start of a model.

    Args:
        config: The model's config.json, untrusted.
        args: Its flags, by canonical name.
        weights: Bytes of the tensors in its files.
        memory: The memory of each of its GPUs.
        share: The share of that memory that it reserves.
        length: The longest request in tokens.
        rank: The largest rank of its LoRA adapters; 0 without adapters.
        facts: How the release counts, and its defaults.
        measured: A start of the same model with the same flags that was measured, or None.
    """

    config: Mapping[str, Any]
    args: Mapping[str, Any]
    weights: int
    memory: int
    share: float
    length: int
    rank: int
    facts: MemoryFacts
    measured: MeasuredStart | None = None


AnyStart: TypeAlias = "Start | GgufStart | PoolStart"


class Estimate(NamedTuple):
    """The memory that a start needs and gets, on each of its GPUs.

    Args:
        start: What was estimated.
        lines: The sum: what is reserved, and what goes off before the KV cache.
        room: What is left for the KV cache.
        cache: The cache.
        longest: The longest request up to the one asked for that fits for certain, in tokens.
        verdict: Whether a request of the whole length fits.
    """

    start: AnyStart
    lines: tuple[Line, ...]
    room: Amount
    cache: Cache | GgufCache | PoolCache
    longest: int
    verdict: Verdict

    def tokens(self) -> tuple[int, int, int]:
        """Return the tokens of the KV cache: at least, probably, at most."""
        low, value, high = (self.cache.tokens(memory) for memory in self.room)
        return low, value, high


def estimate(start: Start) -> Estimate:
    """Estimate a start.

    Raises:
        CannotEstimateError: Something that changes the memory is not known; the text says what.
    """
    is_quantized = isinstance(start.config.get("quantization_config"), dict)
    _refuse_unknown({flag: value for flag, value in start.args.items() if flag != "quantization" or not is_quantized})
    shape, args = read_shape(start.config), start.args
    parallel = _number(args, "tensor-parallel-size", 1)
    batch = _number(args, "max-num-batched-tokens", start.facts.batch)
    sequences = min(_number(args, "max-num-seqs", start.facts.sequences), batch)
    serving = Serving(_cache_value_bytes(args), parallel, start.length, batch, _as_served(start.facts, args))
    cache = cache_of(shape, serving)
    lines = tuple(_lines(start, shape, sequences, batch, parallel))
    if start.measured is not None and start.share > 0:
        lines = measured_lines(lines, start.measured, start.share)
    room = lines[0].amount.minus(*(line.amount for line in lines[1:]))
    verdict = verdict_of(room, cache)
    at_most = start.length if verdict == "fits" else longest(shape, serving, max(0, room.low))
    return Estimate(start, lines, room, cache, at_most, verdict)


def _lines(start: Start, shape: Shape, sequences: int, batch: int, parallel: int) -> list[Line]:
    seen = overhead.visible(start.memory)
    reserved = Amount(*(int(memory * start.share) for memory in seen))
    how = f"{start.share:g} of the {of_memory(seen.value)} that a program sees of {of_memory(start.memory)}"
    lines = [Line("reserved", reserved, "measured", how), _weights(start.weights, parallel)]
    samples = 0 if _pools(start.args) else sequences
    lines.append(overhead.activations(shape, start.facts, samples, batch, parallel))
    if shape.sees and _accepts_more_than_text(start.args):
        lines.append(overhead.tower())
    if start.rank:
        slots = _number(start.args, "max-loras", 1)
        lines.append(overhead.adapters(shape, start.rank, slots, parallel))
    lines.append(overhead.outside(parallel))
    if start.facts.counts_graphs and start.args.get("enforce-eager") is not True:
        lines.append(overhead.graphs())
    return lines


def _weights(size: int, parallel: int) -> Line:
    part = size / parallel
    above = part * _OFFSET + (size * _COPIED if parallel > 1 else 0)
    how = f"{of_memory(size)} of tensors" + (f" / {parallel} GPUs" if parallel > 1 else "")
    return Line("weights", Amount.around(part, part * _OFFSET, above), "lock", how)


def verdict_of(room: Amount, cache: Cache | GgufCache | PoolCache) -> Verdict:
    """Return whether one request of the whole length fits into the room for the cache."""
    if room.low >= cache.of_request:
        return "fits"
    return "tight" if room.high >= cache.of_request else "does not fit"


_UNKNOWN = {
    "speculative-config": "the draft of speculative decoding",
    "cpu-offload-gb": "weights in the host's memory",
    "pipeline-parallel-size": "layers divided among GPUs",
    "decode-context-parallel-size": "a KV cache divided among GPUs",
    "data-parallel-size": "several copies",
    "kv-transfer-config": "a KV cache that is moved elsewhere",
    "hf-overrides": "changed values of config.json",
    "enable-lora": "adapters",
    "block-size": "blocks of another size",
    "kv-cache-memory-bytes": "a KV cache of a fixed size",
    "num-gpu-blocks-override": "a fixed number of blocks",
    "performance-mode": "other defaults",
    "load-format": "weights in another form",
    "quantization": "weights that are quantized while they are loaded",
    "dtype": "weights in another type",
}
_AS_STORED = {
    "dtype": ("auto", "bfloat16", "float16", "half"),
    "load-format": ("auto", "safetensors", "runai_streamer"),
}
_VALUE_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}


def _refuse_unknown(args: Mapping[str, Any]) -> None:
    """Refuse flags whose effect on the memory is not known."""
    for flag, what in _UNKNOWN.items():
        written = [value for name, value in args.items() if name.partition(".")[0] == flag]
        for value in written:
            if value not in (None, False, 0, 1, *_AS_STORED.get(flag, ())) or value is True:
                raise CannotEstimateError(f"`{flag}` means {what}")


def _cache_value_bytes(args: Mapping[str, Any]) -> int:
    dtype = args.get("kv-cache-dtype", "auto")
    if dtype not in _VALUE_BYTES:
        raise CannotEstimateError(f"`kv-cache-dtype = {str(dtype)[:40]}` is not known")
    return _VALUE_BYTES[dtype]


def _accepts_more_than_text(args: Mapping[str, Any]) -> bool:
    """Return whether images or audio are accepted: a limit of 0 for all switches the tower off."""
    limits = [args[name] for name in args if name.partition(".")[0] == "limit-mm-per-prompt"]
    counts = [count for limit in limits for count in (limit.values() if isinstance(limit, dict) else [limit])]
    return not counts or any(count != 0 for count in counts)


def _pools(args: Mapping[str, Any]) -> bool:
    """Return whether the model computes embeddings or scores, so that nothing is sampled."""
    return args.get("runner") == "pooling" or args.get("task") in ("embed", "embedding", "score", "reward", "classify")


def _as_served(facts: MemoryFacts, args: Mapping[str, Any]) -> MemoryFacts:
    """Return the facts with what flags change: states are stored twice where prefixes of them are cached."""
    caches = args.get("enable-prefix-caching")
    facts = facts if caches is None else facts._replace(states=2 if caches else 1)
    return facts._replace(mixes=False) if args.get("disable-hybrid-kv-cache-manager") is True else facts


def _number(args: Mapping[str, Any], flag: str, default: int) -> int:
    value = args.get(flag, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CannotEstimateError(f"`{flag}` is not a number")
    return value
