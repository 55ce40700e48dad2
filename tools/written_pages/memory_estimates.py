"""Write docs/explanations/memory-estimates.md: estimates of memory beside what vLLM printed in public logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from written_pages.accuracy import PEERS, Accuracy, by_release, measure
from written_pages.markdown import mark, table
from written_pages.memory_starts import read_starts

if TYPE_CHECKING:
    from written_pages.memory_starts import Logged

_SOURCE = "docs/starts.toml and docs/starts-configs.json"
_GIB = 2**30


def write() -> str:
    """Return the page."""
    starts = [one for one in read_starts() if one.is_whole]
    rules = table(("vLLM", "starts", "modelgen", *PEERS), by_release())
    head = ("model", "GPU", "vLLM", "estimated", "logged", "error")
    lines = table(head, [_cells(one) for one in starts])
    parts = [_INTRO, _summary(measure()), _FIGURE, "\n".join(rules), _STARTS, "\n".join(lines)]
    return mark(_SOURCE) + "\n".join(parts)


def _cells(one: Logged) -> tuple[str, ...]:
    row, room = one.row, one.estimate.room
    gpu = f"{row['gpus']} × {row['gpu']}" if row["gpus"] > 1 else row["gpu"]
    estimated = f"{room.value / _GIB:.2f} ({room.low / _GIB:.2f} to {room.high / _GIB:.2f})"
    logged = f"[{row['cache']:.2f}]({row['source']})"
    note = f" ({row['note']})" if row.get("note") else ""
    return (row["model"], gpu, row["vllm"], estimated, logged, f"{one.error:+.2f}{note}")


def _summary(found: Accuracy) -> str:
    return (
        f"There are {found.starts} starts, {found.whole} of them with a known GPU and known weights. "
        f"{found.inside:.0%} of these are within the error, which is ± {found.half_24:.2f} GiB for GPUs with 24 GB "
        f"and ± {found.half_80:.2f} GiB for 80 GB (medians). The tokens differ by {found.median:.1%} (median), and by "
        f"less than {found.ninth:.1%} in nine of ten starts. Given the room, the tokens differ by at most "
        f"{found.tokens_off:.2%}: the log rounds the room.\n"
    )


_INTRO = """\
# Estimates of GPU memory

`modelgen fit` computes what an engine will have for its KV cache, before anything is started. Most of it is arithmetic:

- **Weights** are the bytes of the tensors in the files, from models.lock.
- **The KV cache of a token** follows from config.json: layers, KV heads, size of a head. Layers with a sliding window,
  a compressed cache (MLA) or a state (linear attention) are counted as the release of vLLM stores them, in blocks and
  groups.
- **What the engine takes besides** is computed from what its first pass does, and corrected by public starts. Up to
  vLLM 0.16, the sampler dominates it. It sorts the vocabulary for every sequence: 38 bytes × sequences × vocabulary,
  which is 5.5 GiB for a Qwen model on a GPU with 80 GB, where 1,024 sequences are the default. Therefore,
  `max-num-seqs = 64` makes much room there. Later releases do not sort, and their second model runner, which serves
  more models with each release, skips the filters of the sampler. Images are encoded before: a Qwen model encodes
  16,384 tokens at once, which takes about 2 GiB, and nothing with `limit-mm-per-prompt.image = 0`.
- **CUDA graphs** count since vLLM 0.20: 0.2 GiB for a few sequences, 0.7 GiB for 256.

This part has an error, which `modelgen fit` states. "fits" and "does not fit" hold at both ends of the error; "tight"
means that they differ. If a family of models, an engine or a flag is not known, the answer is "cannot estimate", with
the reason. The errors of the parts are independent, so their squares add up.

## Against public logs

The estimates are compared with what vLLM printed as "Available KV cache memory". Weights are the logged ones. The error
of each start is learned from the starts of other sources only; with fewer than two of them, it is wide.
"""
_FIGURE = """\
![Differences of the estimates from the logs, with their errors, and of published rules](../assets/memory-estimates.svg)

The published rules are for what the engine takes besides weights and cache: GPUStack adds 20 % of the weights and 2
GiB, llm-d's planner has constants for dense models, models with experts and multimodal models. The median difference in
GiB by release:
"""
_STARTS = """
The starts, in GiB for each GPU:
"""
