"""Define the finding of a look-up, and the ways in which a missing file gets into a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from modelgen.hub.left_out import matches
from modelgen.hub.loading.repair import bring, replace_content
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.lockfile.entries import Snapshot

LookUp: TypeAlias = Literal[
    "snapshot",
    "config",
    "generation-config",
    "tokenizer",
    "processor",
    "chat-template",
    "weights",
    "shards",
    "modules",
    "adapter",
    "draft",
    "gguf",
]

REPOSITORY = "`revision` or `repo`"
"""What to change in a model's table where a file of its repository is bad."""


@dataclass(frozen=True)
class Lack:
    """What a look-up does not find in one snapshot.

    Args:
        look_up: Which look-up it is.
        file: Path in the snapshot, or a pattern.
        text: What is wrong with it.
        otherwise: What helps where the repository does not have the file.
        help: What helps, where the file itself would not.
        repo: The repository, where it is not the one that was looked at.
        is_wrong: Whether the engine ends there; else it serves, but not all that clients expect.
        keys: What to change in the model's table, where the file is there and its content is wrong.
    """

    look_up: LookUp
    file: str
    text: str = "is missing"
    otherwise: str = ""
    help: str = ""
    repo: str | None = None
    is_wrong: bool = True
    keys: str = ""


@dataclass(frozen=True)
class Finding:
    """What the engine of a model does not find.

    Args:
        model: Id of the model.
        look_up: Which look-up it is.
        repo: Repository id.
        file: Path in its snapshot, or a pattern.
        text: What is wrong with it, as in "is missing".
        help: What to do.
        is_wrong: As of `Lack`.
        said: The engine's own words, where it was asked.
    """

    model: str
    look_up: LookUp
    repo: str
    file: str
    text: str
    help: str
    is_wrong: bool = True
    said: str = ""


def finding(hub: Path, lack: Lack, entry: Snapshot, model: str) -> Finding:
    """Return what a model's engine does not find in the snapshot of an entry of the lock."""
    if lack.keys:
        help_ = replace_content(hub, entry, lack.file, model, lack.keys)
    else:
        help_ = lack.help or way_to(hub, entry, lack.file, model, lack.otherwise)
    return Finding(model, lack.look_up, lack.repo or entry.repo, lack.file, lack.text, help_, lack.is_wrong)


def way_to(hub: Path, entry: Snapshot, path: str, model: str, otherwise: str = "") -> str:
    """Return how a missing file comes into a snapshot.

    Args:
        hub: The hub directory.
        entry: The lock's entry of its repository.
        path: Of the file, or a pattern.
        model: Id of the model that needs it.
        otherwise: What helps where the repository does not have it.
    """
    upgrade = f"run `modelgen lock --upgrade {model}`"
    if not path or any(matches(file, (path,)) for file in entry.by_path):
        return bring(hub, entry, path)
    if is_local(entry.repo):
        return (
            f"put it into the folder that it came from, run `modelgen add PATH --as {entry.repo}`, then {upgrade[4:]}"
        )
    if matches(path, entry.exclude):
        return f"remove it from `exclude` of the model `{model}`, then run `modelgen lock` and `modelgen fetch`"
    if entry.include and not matches(path, entry.include):
        return f"add it to `include` of the model `{model}`, then run `modelgen lock` and `modelgen fetch`"
    if path in entry.left_out or matches(path, entry.left_out):
        return f"{upgrade}, then `modelgen fetch`"
    newer = f"{upgrade}, then `modelgen fetch`, in case a newer commit has it"
    return f"{otherwise}, or {newer}" if otherwise else newer
