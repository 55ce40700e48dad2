"""Write docs/explanations/memory-estimates.md: estimates of memory beside what vLLM printed in public logs."""

from __future__ import annotations

import json
import statistics
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from modelgen.engines import ENGINES
from modelgen.engines.host.cards import find_known
from modelgen.engines.images.versions import parse_version
from modelgen.fit.estimate import Estimate, Start, estimate
from modelgen.load import DEFAULT_ENGINE
from written_pages.markdown import mark, table

_DOCS = Path(__file__).parents[2] / "docs"
_SOURCE = "docs/starts.toml and docs/starts-configs.json"
_GIB = 2**30
_NO_CARD = 2**40


class Logged(NamedTuple):
    """A start whose log is public, with the estimate.

    Args:
        row: Its table in docs/starts.toml.
        found: The estimate; that of a start on an unknown GPU holds for tokens only.
        is_whole: Whether GPU and weights are known, so that the room for the cache can be compared.
    """

    row: dict[str, Any]
    found: Estimate
    is_whole: bool

    @property
    def error(self) -> float:
        """The estimated room for the KV cache minus the logged one, in GiB."""
        return float(self.found.room.value / _GIB - self.row["cache"])

    @property
    def is_inside(self) -> bool:
        """Whether the logged room lies within the error of the estimate."""
        return self.found.room.low <= float(self.row["cache"]) * _GIB <= self.found.room.high

    @property
    def tokens(self) -> int:
        """The tokens of the logged room."""
        return self.found.cache.tokens(int(self.row["cache"] * _GIB))


@lru_cache(maxsize=1)
def read_starts() -> tuple[Logged, ...]:
    """Return all starts with their estimates."""
    rows = tomllib.loads((_DOCS / "starts.toml").read_text(encoding="utf-8"))["start"]
    configs = json.loads((_DOCS / "starts-configs.json").read_text(encoding="utf-8"))
    return tuple(_logged(row, configs[row["model"]]) for row in rows)


def _logged(row: dict[str, Any], config: dict[str, Any]) -> Logged:
    version, memory_of = parse_version(row["vllm"]), ENGINES[DEFAULT_ENGINE].memory
    assert version is not None and memory_of is not None  # noqa: S101, PT018 - a release of the default engine
    is_whole = "gpu" in row and "weights" in row
    memory = find_known(row["gpu"], None)[0].mebibytes * 2**20 if "gpu" in row else _NO_CARD
    flags = {"max-num-batched-tokens": "batch", "max-num-seqs": "sequences", "runner": "runner"}
    args = {flag: row[key] for flag, key in flags.items() if key in row}
    args |= {"tensor-parallel-size": row["gpus"], "enforce-eager": row.get("eager", False)}
    weights = int(row.get("weights", 0) * row["gpus"] * _GIB)
    facts = memory_of(version, memory, row.get("gpu", ""))
    start = Start(config, args, weights, memory, row.get("share", 0.9), row["length"], 0, facts)
    return Logged(row, estimate(start), is_whole)


def write() -> str:
    """Return the page."""
    starts = [one for one in read_starts() if one.is_whole]
    head = ("model", "GPU", "vLLM", "estimated", "logged", "error")
    lines = table(head, [_cells(one) for one in starts])
    return mark(_SOURCE) + _INTRO + _summary(starts) + "\n" + "\n".join(lines)


def _cells(one: Logged) -> tuple[str, ...]:
    row, room = one.row, one.found.room
    gpu = f"{row['gpus']} × {row['gpu']}" if row["gpus"] > 1 else row["gpu"]
    estimated = f"{room.value / _GIB:.2f} ({room.low / _GIB:.2f} to {room.high / _GIB:.2f})"
    logged = f"[{row['cache']:.2f}]({row['source']})"
    note = f" ({row['note']})" if row.get("note") else ""
    return (row["model"], gpu, row["vllm"], estimated, logged, f"{one.error:+.2f}{note}")


def _summary(starts: list[Logged]) -> str:
    inside = sum(one.is_inside for one in starts)
    errors = [abs(one.error) for one in starts]
    widths = [(one.found.room.high - one.found.room.low) / 2 / _GIB for one in starts]
    counted = [one for one in read_starts() if "tokens" in one.row]
    off = max(abs(one.tokens / one.row["tokens"] - 1) for one in counted)
    return (
        f"Of {len(starts)} starts, {inside} are within the error that modelgen states. The median difference is "
        f"{statistics.median(errors):.2f} GiB, the median error bar ± {statistics.median(widths):.2f} GiB. Given the "
        f"room, the number of tokens differs from the logged one by at most {off * 100:.2f} % in {len(counted)} "
        "starts: the log rounds the room.\n"
    )


_INTRO = """\
# Estimates of GPU memory

`modelgen fit` computes what an engine will have for its KV cache, before anything is started. Most of it is arithmetic:

- **Weights** are the bytes of the tensors in the files, from models.lock.
- **The KV cache of a token** follows from config.json: layers, KV heads, size of a head. Layers with a sliding window,
  a compressed cache (MLA) or a state (linear attention) are counted as the release of vLLM stores them, in blocks and
  groups.
- **What the engine takes besides** is measured: the peak of its first pass, libraries, CUDA graphs. Up to vLLM 0.16,
  the sampler dominates it. It sorts the vocabulary for every sequence: 38 bytes × sequences × vocabulary, which is
  5.5 GiB for a Qwen model on a GPU with 80 GB, where 1,024 sequences are the default. Therefore, `max-num-seqs = 64`
  makes much room there.

This part has an error, which `modelgen fit` states. "fits" and "does not fit" hold at both ends of the error; "tight"
means that they differ. If a family of models, an engine or a flag is not known, the answer is "cannot estimate", with
the reason.

## Against public logs

The table compares the estimated room for the KV cache with what vLLM printed as "Available KV cache memory", in GiB for
each GPU. Weights are the logged ones. The constants come from the same starts, so starts of other releases and GPUs may
differ more.

"""
