"""Translate reserved memory to SGLang's `--mem-fraction-static`, the share of a GPU for weights and KV cache only.

What a model needs besides (activations and CUDA graphs) is what SGLang itself would set aside by default. Sources:
srt/server_args.py of 0.4.6 to 0.5.17 and srt/arg_groups/memory_hook.py from 0.5.19 on (releases to 0.5.23). What
depends on the model itself is not estimated here: more for vision models and MLA, and sizing after the capture of
graphs, which is off by default.

The KV cache is what this share of the free memory leaves after the weights: `profile_max_num_token` in
srt/model_executor/model_runner.py, since 0.5.9 in model_runner_kv_cache_mixin.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from modelgen.engines.facts import PoolServing
from modelgen.engines.flags import whole_number
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

Cards: TypeAlias = "tuple[tuple[int, int], ...]"
"""Memory and reserved memory of each GPU, in bytes."""

WRITTEN = "mem-fraction-static"
_MIB = 2**20
# By memory of the GPU, in MiB: below it, tokens of a prefill chunk and the largest batch of a CUDA graph, the second
# for 4 GPUs or more.
_SMALL = (20 * 1024, 2048, 8, 8)
_LARGE = (16384, 512, 512)
_REST = ((60 * 1024, 4096, 32, 160), (160 * 1024, 8192, 256, 512))
# Of GPUs with 20 to 35 GiB, by the release that changed it.
_MEDIUM = (((0, 5, 3), 2048, 16, 80), ((0, 5, 5), 2048, 24, 80), ((0, 5, 20), 4096, 48, 160))
_MEDIUM_BELOW = 35 * 1024
_BY_FRACTION, _BY_SIZE = (0, 4, 8), (0, 5, 3)
_CAPS_BATCHES = (0, 5, 22)
_CAPTURES_PREFILL = (0, 5, 10)
_FORGETS_DRAFTS = (0, 5, 14)
_LONGEST_PREFILL = 16384
_VALUE_BYTES = {"auto": 2, "bf16": 2, "bfloat16": 2, "fp8_e4m3": 1, "fp8_e5m2": 1}
_UNKNOWN = {
    "speculative-algorithm": "the draft of speculative decoding",
    "cpu-offload-gb": "weights in the host's memory",
    "pp-size": "layers divided among GPUs",
    "dp-size": "several copies",
    "enable-dp-attention": "a KV cache divided among GPUs",
    "enable-lora": "adapters",
    "lora-paths": "adapters",
    "max-total-tokens": "a KV cache of a fixed size",
    "quantization": "weights that may be quantized while they are loaded",
    "json-model-override-args": "changed values of config.json",
    "enable-hierarchical-cache": "a KV cache in the host's memory too",
    "load-format": "weights in another form",
}
_LATEST = (0, 5, 23)


def static_share(version: Version | None, cards: Cards, args: Mapping[str, Any]) -> Decimal:
    """Return the share of a GPU for weights and KV cache, with at most 4 decimals; a written one is that share.

    SGLang takes it of what is free when it starts, and keeps the rest of that free: `profile_max_num_token` in
    model_runner.py, later `_profile_available_bytes`.

    Args:
        version: The release; None for the newest.
        cards: Memory and reserved memory of each GPU.
        args: Flags by canonical name.
    """
    if (written := written_share(args)) is not None:
        return written
    parts = [(reserved - set_aside(version, memory, len(cards), args)) * 10_000 // memory for memory, reserved in cards]
    return (Decimal(max(min(parts), 0)) / 10_000).normalize()


def written_share(args: Mapping[str, Any]) -> Decimal | None:
    """Return the user's own `mem-fraction-static`; None without one."""
    value = args.get(WRITTEN)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else None


def beside_weights(version: Version | None, cards: Cards, args: Mapping[str, Any]) -> int | None:
    """Return the most bytes that SGLang sets aside if the reserved memory leaves nothing for weights; else None."""
    if static_share(version, cards, args):
        return None
    return max(set_aside(version, memory, len(cards), args) for memory, _ in cards)


def pools(version: Version, cards: Cards, args: Mapping[str, Any]) -> PoolServing | str:
    """Return the share for weights and KV cache, or why the size of the cache is not known.

    Args:
        version: The release.
        cards: Memory and reserved memory of each GPU.
        args: Flags by canonical name.
    """
    for flag, what in _UNKNOWN.items():
        if args.get(flag) not in (None, False, 0, 1, "auto") or args.get(flag) is True:
            return f"`{flag}` means {what}"
    value = _VALUE_BYTES.get(str(args.get("kv-cache-dtype", "auto")))
    if value is None:
        return f"`kv-cache-dtype = {str(args['kv-cache-dtype'])[:40]}` is not known"
    share = static_share(version, cards, args)
    if not share:
        return "the reserved memory leaves nothing for weights"
    running = whole_number(args.get("max-running-requests"))
    return PoolServing(float(share), whole_number(args.get("tp-size", 1)) or 1, value, running or None)


def arithmetic(version: Version, cards: Cards, args: Mapping[str, Any]) -> str:
    """Return how the share follows from the reserved memory, as a sentence for a comment in the output."""
    share = static_share(version, cards, args)
    if written_share(args) is not None or not share:
        return ""
    memory, reserved = min(cards, key=lambda card: card[1] - set_aside(version, card[0], len(cards), args))
    aside = set_aside(version, memory, len(cards), args)
    return (
        f"--{WRITTEN} {share:f} = ({of_memory(reserved)} reserved - {of_memory(aside)} that {version.text} "
        f"sets aside for activations and CUDA graphs) / {of_memory(memory)}."
    )


def set_aside(version: Version | None, memory: int, cards: int, args: Mapping[str, Any]) -> int:
    """Return the bytes that a release would set aside on a GPU by its own estimate."""
    release, mib = version.release if version else _LATEST, memory // _MIB
    if release < _BY_FRACTION:
        return int(_by_fraction(mib, cards) * _MIB)
    estimate = _by_size(mib, cards, args) if release < _BY_SIZE else _by_load(release, mib, cards, args)
    return int((estimate + _for_drafts(release, args)) * _MIB)


def _by_fraction(mib: int, cards: int) -> float:
    share = next((share for least, share in ((16, 0.21), (8, 0.19), (4, 0.15), (2, 0.13)) if cards >= least), 0.12)
    if mib > 96 * 1024:
        return max(mib * 0.12 - 48 * 1024 * 0.12, 18 * 1024)
    return mib * (share if mib <= 81920 else 0.12)


def _by_size(mib: int, cards: int, args: Mapping[str, Any]) -> float:
    rows = ((35 * 1024, 2.8 + cards / 10), (90 * 1024, 9.5 + cards / 2), (160 * 1024, 12 + cards / 2))
    size = next((gib for below, gib in rows if mib < below), 32.0)
    return (size + (4 if args.get("enable-dp-attention") is True else 0)) * 1024


def _by_load(release: tuple[int, ...], mib: int, cards: int, args: Mapping[str, Any]) -> float:
    medium = next(row[1:] for row in reversed(_MEDIUM) if release >= row[0])
    rows = (_SMALL, (_MEDIUM_BELOW, *medium), *_REST)
    row = next((row[1:] for row in rows if mib < row[0]), _LARGE)
    chunk = whole_number(args.get("chunked-prefill-size", row[0]))  # -1 turns chunks off, and their graphs
    tokens = chunk or whole_number(args.get("max-prefill-tokens")) or _LONGEST_PREFILL
    batch = whole_number(args.get("cuda-graph-max-bs"))
    if batch is None:
        batch = row[2 if cards >= 4 else 1]
        running = whole_number(args.get("max-running-requests"))
        batch = min(batch, running) if running and release >= _CAPS_BATCHES else batch
    reserved = 512 + max(tokens, 2048) * 1.5 + batch * 2 + cards * 128
    if args.get("enable-dp-attention") is True:
        reserved += batch * (whole_number(args.get("dp-size")) or 1) * (4.5 if batch > 300 else 3)
    if chunk and release >= _CAPTURES_PREFILL and args.get("disable-piecewise-cuda-graph") is not True:
        reserved += _prefill_graphs(chunk) * 8
    return max(reserved, 10 * 1024) if mib > 60 * 1024 else reserved


def _prefill_graphs(chunk: int) -> int:
    """Return the number of CUDA graphs for prefill: 38 up to 1,024 tokens, then one per 256, from 4,096 on per 512."""
    return 38 + min(max(chunk - 1024, 0), 3072) // 256 + max(chunk - 4096, 0) // 512


def _for_drafts(release: tuple[int, ...], args: Mapping[str, Any]) -> float:
    algorithm = args.get("speculative-algorithm")
    if algorithm is None or release >= _FORGETS_DRAFTS or (algorithm == "NGRAM" and release >= _BY_SIZE):
        return 0
    return (6 if algorithm == "STANDALONE" else 4 if release >= _CAPTURES_PREFILL else 2) * 1024
