"""Read the sizes that an engine prints while it starts, in all forms of its releases.

Sources: vllm/v1/worker/gpu_model_runner.py and gpu_worker.py, vllm/v1/core/kv_cache_utils.py and vllm/worker/worker.py
of 0.8.5 to 0.33.0; sglang/srt/model_executor/model_runner.py and managers/scheduler.py of 0.4.6 to 0.5.9; those of
llama.cpp are in `buffer_lines`. Lines are untrusted: their number and length are bounded by the log, and the patterns
match bounded digits.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from modelgen_runtime.engines.buffer_lines import READY, Buffers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen_runtime.manifest import Expected

_NUMBER = r"([0-9][0-9,]{0,14}(?:\.[0-9]{1,12})?)"
_UNIT = r" ?(GiB|GB|MiB)"
_UNITS = {"GiB": 2**30, "GB": 2**30, "MiB": 2**20}
"""vLLM 0.8 and SGLang print GB and divide by 2^30."""
_MOST = 2**60
_FORMS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("weights", rf"(?:Model loading|Loading model weights) took {_NUMBER}{_UNIT}"),
        ("weights", rf"Load weight end\..{{0,300}}?mem usage={_NUMBER}{_UNIT}"),
        ("weights", rf"weights memory: {_NUMBER}{_UNIT}"),
        ("weights", rf"model weights take {_NUMBER}{_UNIT}"),
        ("activations", rf"torch peak memory increase: {_NUMBER}{_UNIT}"),
        ("activations", rf"PyTorch activation peak memory takes {_NUMBER}{_UNIT}"),
        ("cache", rf"Available KV cache memory: {_NUMBER}{_UNIT}"),
        ("cache", rf"reserved for KV Cache is {_NUMBER}{_UNIT}"),
        ("tokens", rf"[CG]PU KV cache size: {_NUMBER} tokens"),
        ("tokens", rf"max_total_num_tokens={_NUMBER}"),
        ("requests", rf"Maximum concurrency for [0-9,]{{1,15}} tokens per request: {_NUMBER}x"),
        ("graphs", rf"Graph capturing finished in [0-9]{{1,9}} secs, took {_NUMBER}{_UNIT}"),
        ("graphs", rf"Capture cuda graph end\..{{0,100}}?mem usage={_NUMBER}{_UNIT}"),
    )
)
_MESSAGE = re.compile(
    r"(?:[^]'\"]{0,300}\] )?"
    r"(?:(Model loading took|Loading model weights took|Load weight end)|model weights take|Memory profiling takes"
    r"|Available KV|[CG]PU KV|max_total_num_tokens|Maximum concurrency|Graph capturing|Capture cuda graph)"
)
"""A message with a size, behind the prefix of the logger; the text of a logged request is behind another message."""
_LONGEST = 1000
_STARTS_AGAIN = "loading model"
_READY = ("Application startup complete", "The server is fired up and ready to roll", READY)
_ROUNDED_UP = 255
"""llama.cpp rounds the tokens of the context of a slot, which are fixed, up to a multiple of 256."""
_LARGEST = ("weights", "activations", "graphs")
"""Sizes of which the largest counts if several processes print them; of the others, the smallest does."""


@dataclass(frozen=True, slots=True)
class Started:
    """The sizes that an engine printed, for one GPU: bytes, tokens of the cache, requests of the longest length."""

    weights: float | None = None
    activations: float | None = None
    cache: float | None = None
    tokens: float | None = None
    requests: float | None = None
    graphs: float | None = None

    def table(self) -> dict[str, float | None]:
        """Return it as JSON."""
        return asdict(self)

    def is_unexpected(self, expected: Expected | None) -> bool:
        """Return whether the tokens are outside the error of the estimate."""
        if self.tokens is None or expected is None:
            return False
        is_fixed = expected.least == expected.most
        rounded = _ROUNDED_UP * max(1, int(expected.requests)) if is_fixed else 0
        return not expected.least <= self.tokens <= expected.most + rounded


def read_start(lines: Iterable[str]) -> Started | None:
    """Return the sizes that an engine printed before it was ready, of the last start, or None if it printed none."""
    found: dict[str, float] = {}
    buffers, is_ready = Buffers(), False
    for line in lines:
        is_ready = is_ready or any(text in line for text in _READY)
        if not is_ready or _STARTS_AGAIN in line:
            is_ready = not buffers.read(line) and is_ready
        message = _MESSAGE.match(line)
        if message is not None and message[1] and (is_ready or found.keys() & {"cache", "tokens"}):
            found, is_ready = {}, False  # weights are loaded before there is a cache, so that this is another start
        if message is None or is_ready:
            continue
        for name, form in _FORMS:
            if (match := form.search(line, 0, message.end() + _LONGEST)) is not None:
                size = float(match[1].replace(",", "")) * (_UNITS[match[2]] if match.re.groups > 1 else 1)
                best = max if name in _LARGEST else min
                found[name] = best(found.get(name, size), size)
    found |= buffers.table()
    return stored_start(found) if found else None


def stored_start(table: Any) -> Started:  # noqa: ANN401 - whatever a file holds
    """Return the sizes of a table that may have been edited or damaged."""
    kept: dict[str, float] = {}
    for item in fields(Started):
        value = table.get(item.name) if isinstance(table, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST:
            kept[item.name] = value
    return Started(**kept)
