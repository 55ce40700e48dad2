"""Read the starts of vLLM in docs/starts.toml, and estimate each from what the starts of other sources show."""

from __future__ import annotations

import json
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from modelgen.engines import ENGINES
from modelgen.engines.host.cards import find_known
from modelgen.engines.images.versions import parse_version
from modelgen.fit.blocks.evidence import Seen
from modelgen.fit.estimate import Estimate, Start, estimate
from modelgen.fit.shapes import CannotEstimateError
from modelgen.load import DEFAULT_ENGINE

_DOCS = Path(__file__).parents[2] / "docs"
_GIB = 2**30
_NO_CARD = 2**40
_NEWEST = "0.33.0"
_FLAGS = {
    "max-num-batched-tokens": "batch",
    "max-num-seqs": "sequences",
    "runner": "runner",
    "limit-mm-per-prompt.image": "images",
    "kv-cache-dtype": "dtype",
    "enable-prefix-caching": "prefixes",
}
"""Flags of vLLM, and the keys of docs/starts.toml that have their values."""


class Logged(NamedTuple):
    """A start whose log is public, with the estimate.

    Args:
        row: Its table in docs/starts.toml.
        found: The estimate, or None; that of a start on an unknown GPU holds for tokens only.
        is_whole: Whether GPU and weights are known, so that the room for the cache can be compared.
        sources: The other sources whose starts the error is learned from.
    """

    row: dict[str, Any]
    found: Estimate | None
    is_whole: bool
    sources: int

    @property
    def estimate(self) -> Estimate:
        """The estimate of a start that has one."""
        assert self.found is not None, self.row  # noqa: S101
        return self.found

    @property
    def error(self) -> float:
        """The estimated room for the KV cache minus the logged one, in GiB."""
        return float(self.estimate.room.value / _GIB - self.row["cache"])

    @property
    def half(self) -> float:
        """Half of the width of the error bar, in GiB."""
        return (self.estimate.room.high - self.estimate.room.low) / 2 / _GIB

    @property
    def is_inside(self) -> bool:
        """Whether the logged room lies within the error of the estimate."""
        return self.estimate.room.low <= float(self.row["cache"]) * _GIB <= self.estimate.room.high

    @property
    def is_wrong(self) -> bool:
        """Whether the verdict is the opposite of what happened."""
        return self.estimate.verdict == ("fits" if self.row.get("refused") else "does not fit")

    @property
    def tokens(self) -> int:
        """The tokens of the logged room."""
        return self.estimate.cache.printed(int(self.row["cache"] * _GIB))

    @property
    def end_to_end(self) -> float:
        """The estimated tokens against those of the logged room, as a share."""
        return self.estimate.cache.printed(self.estimate.room.value) / self.tokens - 1


@lru_cache(maxsize=1)
def read_starts() -> tuple[Logged, ...]:
    """Return all starts, each with an estimate whose error is learned from the starts of other sources."""
    rows = tomllib.loads((_DOCS / "starts.toml").read_text(encoding="utf-8"))["start"]
    configs = json.loads((_DOCS / "starts-configs.json").read_text(encoding="utf-8"))
    learned = [_seen(row, configs) for row in rows if is_whole(row)]
    found = []
    for row in rows:
        others = tuple(seen for seen in learned if seen.source != _source_of(row))
        start = _start(row, configs)
        sources = len({one.source for one in others if one.profile == start.facts.profile})
        found.append(Logged(row, _estimate(start, others), is_whole(row), sources))
    return tuple(found)


def _estimate(start: Start, evidence: tuple[Seen, ...]) -> Estimate | None:
    try:
        return estimate(start, evidence)
    except CannotEstimateError:
        return None


def is_whole(row: dict[str, Any]) -> bool:
    """Return whether GPU and weights are known, so that the room for the cache can be compared."""
    return "gpu" in row and "weights" in row


def residuals() -> str:
    """Return what each whole start shows, as the table of `modelgen.fit.blocks.evidence`."""
    rows = tomllib.loads((_DOCS / "starts.toml").read_text(encoding="utf-8"))["start"]
    configs = json.loads((_DOCS / "starts-configs.json").read_text(encoding="utf-8"))
    lines = [json.dumps([*_seen(row, configs)]) for row in rows if is_whole(row)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _seen(row: dict[str, Any], configs: dict[str, Any]) -> Seen:
    """Return how much more the engine took than is computed without any evidence."""
    start = _start(row, configs)
    error = estimate(start, ()).room.value / _GIB - row["cache"]
    return Seen(_source_of(row), start.facts.profile, round(error, 2))


def _source_of(row: dict[str, Any]) -> str:
    """Return what the starts of one machine have in common: the repository, or the thread."""
    parts = row["source"].split("/")
    return "/".join(parts[3:7] if "issues" in parts else parts[3:5])


def _start(row: dict[str, Any], configs: dict[str, Any]) -> Start:
    version, memory_of = parse_version(row.get("vllm", _NEWEST)), ENGINES[DEFAULT_ENGINE].memory
    assert version is not None and memory_of is not None  # noqa: S101, PT018 - a release of the default engine
    card = find_known(row["gpu"], None)[0] if "gpu" in row else None
    memory = card.mebibytes * 2**20 if card else _NO_CARD
    args = {flag: row[key] for flag, key in _FLAGS.items() if key in row}
    args |= {"tensor-parallel-size": row["gpus"], "enforce-eager": row.get("eager", False)}
    if "drafts" in row:
        method = {"method": "eagle"} if "draft" in row else {"method": "mtp"}
        args["speculative-config"] = {**method, "num_speculative_tokens": row["drafts"]}
    return Start(
        config=configs[row["model"]],
        args=args,
        weights=int(row.get("weights", 0) * row["gpus"] * _GIB),
        memory=memory,
        visible=int(row["total"] * _GIB) if "total" in row else card.visible if card else None,
        share=row.get("share", 0.9),
        length=row["length"],
        rank=0,
        draft=(configs[row["draft"]], 0) if "draft" in row else None,
        facts=memory_of(version, memory, row.get("gpu", "")),
    )
