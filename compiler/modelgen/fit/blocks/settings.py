"""Read the flags of a start that change its memory, and refuse those whose effect is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.flags import table_in
from modelgen.fit.blocks.parallel import Parallel
from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.facts import MemoryFacts

_DRAFT = "speculative-config"
_UNKNOWN = {
    "cpu-offload-gb": "weights in the host's memory",
    "decode-context-parallel-size": "a KV cache divided among GPUs",
    "prefill-context-parallel-size": "a KV cache divided among GPUs",
    "kv-transfer-config": "a KV cache that is moved elsewhere",
    "hf-overrides": "changed values of config.json",
    "enable-lora": "adapters",
    "mamba-block-size": "blocks of another size",
    "mamba-cache-dtype": "states of another type",
    "mamba-ssm-cache-dtype": "states of another type",
    "kv-cache-memory-bytes": "a KV cache of a fixed size",
    "num-gpu-blocks-override": "a fixed number of blocks",
    "enable-dbo": "two batches at once",
    "enable-eplb": "copies of experts",
    "load-format": "weights in another form",
    "quantization": "weights that are quantized while they are loaded",
    "dtype": "weights in another type",
}
_AS_STORED = {
    "decode-context-parallel-size": (1,),
    "prefill-context-parallel-size": (1,),
    "dtype": ("auto", "bfloat16", "float16", "half"),
    "load-format": ("auto", "safetensors", "runai_streamer"),
    "mamba-cache-dtype": ("auto",),
    "mamba-ssm-cache-dtype": ("auto",),
}
_POOLING = ("embed", "embedding", "score", "reward", "classify")


class Settings(NamedTuple):
    """The flags that change the memory of a start.

    Args:
        parallel: The GPUs.
        batch: The tokens of a batch.
        sequences: The sequences that run at the same time.
        cache_dtype: The type of the KV cache as it is written.
        draft: The speculative config, as a table; empty without one.
        slots: The adapters that are loaded at once.
        samples: Whether tokens are chosen: embeddings and scores need no sampler.
        encodes: Whether the profile run encodes images or audio.
        captures: Whether CUDA graphs are captured.
        facts: How the release counts, with what flags change of it.
    """

    parallel: Parallel
    batch: int
    sequences: int
    cache_dtype: Any
    draft: Mapping[str, Any]
    slots: int
    samples: bool
    encodes: bool
    captures: bool
    facts: MemoryFacts

    @classmethod
    def read(cls, args: Mapping[str, Any], facts: MemoryFacts, at_once: int, *, is_quantized: bool) -> Settings:
        """Return what the flags mean.

        Args:
            args: Flags by canonical name.
            facts: How the release counts.
            at_once: The tokens that the model must read in one batch; 0 if there are none.
            is_quantized: Whether the files are quantized, so that `quantization` only names how.

        Raises:
            CannotEstimateError: A flag changes the memory in a way that is not known, or is no number.
        """
        _refuse_unknown({flag: value for flag, value in args.items() if flag != "quantization" or not is_quantized})
        parallel = Parallel(
            _number(args, "tensor-parallel-size", 1),
            _number(args, "pipeline-parallel-size", 1),
            _number(args, "data-parallel-size", 1),
        )
        doubled = 2 if args.get("performance-mode") == "throughput" else 1
        least = at_once if facts.raises_batch else 0
        batch = _number(args, "max-num-batched-tokens", max(facts.batch * doubled, least))
        return cls(
            parallel=parallel,
            batch=batch,
            sequences=min(_number(args, "max-num-seqs", facts.sequences * doubled), batch),
            cache_dtype=args.get("kv-cache-dtype", "auto"),
            draft=_draft(args),
            slots=_number(args, "max-loras", 1),
            samples=args.get("runner") != "pooling" and args.get("task") not in _POOLING,
            encodes=_accepts_more_than_text(args) and args.get("skip-mm-profiling") is not True,
            captures=args.get("enforce-eager") is not True,
            facts=_as_served(facts, args),
        )


def _refuse_unknown(args: Mapping[str, Any]) -> None:
    for flag, what in _UNKNOWN.items():
        written = [value for name, value in args.items() if name.partition(".")[0] == flag]
        for value in written:
            if value not in (None, False, 0, *_AS_STORED.get(flag, ())) or value is True:
                raise CannotEstimateError(f"`{flag}` means {what}")


def _draft(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the speculative config, which may be a table, JSON, or paths into it."""
    written = args.get(_DRAFT)
    table = written if isinstance(written, dict) else table_in(written)
    if written and table is None:
        raise CannotEstimateError(f"`{_DRAFT}` is not a table")
    return {**(table or {}), **{key.partition(".")[2]: args[key] for key in args if key.startswith(f"{_DRAFT}.")}}


def _accepts_more_than_text(args: Mapping[str, Any]) -> bool:
    """Return whether images or audio are accepted: a limit of 0 for all switches the tower off."""
    if args.get("language-model-only") is True:
        return False
    limits = [args[name] for name in args if name.partition(".")[0] == "limit-mm-per-prompt"]
    counts = [count for limit in limits for count in (limit.values() if isinstance(limit, dict) else [limit])]
    return not counts or any(count != 0 for count in counts)


def _as_served(facts: MemoryFacts, args: Mapping[str, Any]) -> MemoryFacts:
    """Return the facts with what flags change: states are stored twice where prefixes of them are cached."""
    caches = args.get("enable-prefix-caching")
    facts = facts if caches is None else facts._replace(states=2 if caches else 1)
    facts = facts._replace(block=_number(args, "block-size", facts.block))
    if args.get("async-scheduling") is False:
        facts = facts._replace(batches=1)
    return facts._replace(mixes=False) if args.get("disable-hybrid-kv-cache-manager") is True else facts


def _number(args: Mapping[str, Any], flag: str, default: int) -> int:
    value = args.get(flag, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CannotEstimateError(f"`{flag}` is not a number")
    return value
