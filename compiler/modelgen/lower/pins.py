"""What models.lock says of one model: commits, where their snapshots are in the container, bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.engines import vllm
from modelgen.engines.adapters import least_limit, ranks
from modelgen.engines.assets import config_of, outside_of, own_want, wants_of
from modelgen.engines.engine import Pin
from modelgen.engines.model_config import served_length
from modelgen.engines.resolve import named_args, release_of, resolve
from modelgen.lockfile.repos import ASSETS, is_commit, snapshot_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.engine import Pins
    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock, Snapshot


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is pinned of one model.

    Args:
        own: Its own repository, by the lock or by a commit as `revision`.
        others: What is locked of the repositories that it needs beside that.
        size: Bytes that are read at a start; None where its own repository is not locked.
        length: Tokens of the context, where no flag says it and its config.json does.
        lora_limit: The least rank that vLLM can be told to allow for all adapters whose ranks are known.
        variables: Where files are that are on no hub.
    """

    own: Pin | None
    others: Pins
    size: int | None
    length: int | None
    lora_limit: int | None
    variables: Mapping[str, str]


def pin_model(document: Document, name: str, lock: Lock | None, hub: str) -> Pinned:
    """Return what is pinned of one model.

    Args:
        document: As loaded and checked.
        name: The model's id.
        lock: The models.lock beside it, or None.
        hub: Where the hub directory is mounted.
    """
    own = own_want(name, document.models[name])
    wants = [] if lock is None else wants_of(document, name, lock)
    entries = [(want, entry) for want in wants if lock is not None and (entry := lock.find(want)) is not None]
    entry = next((entry for want, entry in entries if want.role == "model"), None)
    commit = entry.commit if entry else own.revision if own and is_commit(own.revision or "") else None
    return Pinned(
        own=_pin(hub, own.repo, commit) if own and commit else None,
        others={
            (want.role, want.repo): _pin(hub, want.repo, found.commit)
            for want, found in entries
            if want.role != "model"
        },
        size=sum({found.want: found.size for _, found in entries}.values()) if entry else None,
        length=_length(document, name, lock, entry),
        lora_limit=_lora_limit(document, name, lock),
        variables={} if lock is None else _variables(document, name, lock, hub),
    )


def _pin(hub: str, repo: str, commit: str) -> Pin:
    return Pin(commit, f"{hub}/{snapshot_folder(repo, commit)}")


def _length(document: Document, name: str, lock: Lock | None, entry: Snapshot | None) -> int | None:
    """The length is vLLM's own default too, but what is not written is not seen."""
    resolved, own = resolve(document, name), own_want(name, document.models[name])
    if resolved.engine != vllm.NAME or entry is None or own is None:
        return None
    return served_length(vllm.ENGINE, named_args(document, name, resolved), config_of(own, lock), entry.by_path)


def _lora_limit(document: Document, name: str, lock: Lock | None) -> int | None:
    """Without the flag vLLM takes 16, and finds that too little only when it has loaded the model."""
    resolved, found = resolve(document, name), ranks(document.models[name], lock)
    if resolved.engine != vllm.NAME or not found:
        return None
    return least_limit(release_of(resolved), max(found.values()))


def _variables(document: Document, name: str, lock: Lock, hub: str) -> dict[str, str]:
    locked = {asset.sha256 for asset in lock.assets}
    needed = outside_of(document, name, lock)
    return {file.variable: f"{hub}/{ASSETS}/{file.sha256}" for file in needed if file.sha256 in locked}
