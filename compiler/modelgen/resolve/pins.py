"""Collect the lock's facts about each model: commits, sizes, values of configs; never mount paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.weights.model_config import served_length
from modelgen.lockfile.repos import is_commit
from modelgen.resolve.assets import adapters, config_of, outside_of, own_want, ranks, wants_of
from modelgen.resolve.gguf import gguf_files_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.lockfile.entries import Lock, Snapshot
    from modelgen.lockfile.wants import Want
    from modelgen.resolve.assets import Outside
    from modelgen.resolve.gguf import GgufFiles
    from modelgen.resolve.runs import ModelRun


class ModelPins(NamedTuple):
    """The entries of the lock for one model. Without a lock, only its needs and a written commit are known.

    Args:
        want: Its own repository; None without one that the hub could have.
        entry: The lock's entry of its own repository.
        own: The commit of its own repository, from the lock or from `revision`.
        needs: Every repository that the model needs, its own first, each with the lock's entry.
        others: The commits of the repositories that it needs beside its own, by role and id.
        config: Its own config.json; empty where it is not known.
        size: Bytes that a start reads; None if its own repository is not locked.
        length: Tokens of the context, from config.json if no flag sets it.
        adapters: The adapter_config.json of its LoRA adapters, by name, as far as the lock has them.
        ranks: The ranks of its LoRA adapters, by name, as far as they are known.
        lora_limit: The least `--max-lora-rank` of vLLM that allows these ranks.
        outside: The files that it needs and that are on no hub, each with whether it is locked.
        gguf: Its GGUF files, as far as they are known.
    """

    want: Want | None
    entry: Snapshot | None
    own: str | None
    needs: tuple[tuple[Want, Snapshot | None], ...]
    others: Mapping[tuple[str, str], str]
    config: Mapping[str, Any]
    size: int | None
    length: int | None
    adapters: Mapping[str, Mapping[str, Any]]
    ranks: Mapping[str, int]
    lora_limit: int | None
    outside: Mapping[Outside, bool]
    gguf: GgufFiles


def pin_models(runs: Mapping[str, ModelRun], lock: Lock | None) -> dict[str, ModelPins]:
    """Return what the lock says of each model, by the model's id."""
    locked = frozenset(asset.sha256 for asset in lock.assets) if lock else frozenset[str]()
    return {name: _pin(run, lock, locked) for name, run in runs.items()}


def _pin(run: ModelRun, lock: Lock | None, locked: frozenset[str]) -> ModelPins:
    want = own_want(run)
    needs = tuple((need, lock.find(need) if lock else None) for need in wants_of(run, lock))
    entry = needs[0][1] if want else None
    found = [(need, other) for need, other in needs if other is not None]
    written = want.revision if want and is_commit(want.revision or "") else None
    config = config_of(want, lock) if want else {}
    found_ranks = ranks(run, lock)
    engine = run.engine
    serves_own_length = engine is not None and engine.needs_length and engine.from_config
    rank_limit = engine.rank_limit if engine else None
    return ModelPins(
        want=want,
        entry=entry,
        own=entry.commit if entry else written,
        needs=needs,
        others={(need.role, need.repo): other.commit for need, other in found if need.role != "model"},
        config=config,
        size=sum({other.want: other.size for _, other in found}.values()) if entry else None,
        length=served_length(engine, run.args, config, entry.by_path)
        if engine and entry and serves_own_length
        else None,
        adapters=adapters(run, lock),
        ranks=found_ranks,
        lora_limit=rank_limit(run.release, max(found_ranks.values())) if found_ranks and rank_limit else None,
        outside={file: file.sha256 in locked for file in outside_of(run, lock)},
        gguf=gguf_files_of(run, lock),
    )
