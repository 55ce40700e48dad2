"""Define the finding of a look-up, and the ways in which a missing file gets into a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from modelgen.hub.loading.repair import bring, replace_content
from modelgen.hub.snapshot.left_out import matches
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
"""The keys to change in a model's table if a file of its repository is bad."""


@dataclass(frozen=True)
class Defect:
    """A file of one snapshot that a look-up does not find, or cannot use.

    Args:
        look_up: The name of the look-up.
        file: The path in the snapshot, or a pattern.
        text: The fault.
        otherwise: The next step if the repository does not have the file.
        help: The next step, if the file itself would not help.
        repo: The repository, if it is not the one of the snapshot.
        is_wrong: Whether the engine fails to start; otherwise it serves, but not everything that clients expect.
        keys: The keys to change in the model's table, if the file exists and its content is wrong.
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
    """A file that the engine of a model does not find, or cannot use.

    Args:
        model: The id of the model.
        look_up: The name of the look-up.
        repo: Repository id.
        file: The path in its snapshot, or a pattern.
        text: The fault, as in "is missing".
        help: The next step.
        is_wrong: As in `Defect`.
        said: The engine's own error, if it did the look-up.
    """

    model: str
    look_up: LookUp
    repo: str
    file: str
    text: str
    help: str
    is_wrong: bool = True
    said: str = ""


def finding(hub: Path, defect: Defect, entry: Snapshot, model: str) -> Finding:
    """Return the finding for a defect in the snapshot of an entry of the lock."""
    if defect.keys:
        help_ = replace_content(hub, entry, defect.file, model, defect.keys)
    else:
        help_ = defect.help or way_to(hub, entry, defect.file, model, defect.otherwise)
    return Finding(model, defect.look_up, defect.repo or entry.repo, defect.file, defect.text, help_, defect.is_wrong)


def way_to(hub: Path, entry: Snapshot, path: str, model: str, otherwise: str = "") -> str:
    """Return how to get a missing file into a snapshot.

    Args:
        hub: The hub directory.
        entry: The lock's entry of its repository.
        path: The path of the file, or a pattern.
        model: Id of the model that needs it.
        otherwise: The next step if the repository does not have it.
    """
    upgrade = f"run `modelgen lock --upgrade {model}`"
    if not path or any(matches(file, (path,)) for file in entry.by_path):
        return bring(hub, entry, path)
    if is_local(entry.repo):
        return f"copy it to the folder of the checkpoint, run `modelgen add PATH --as {entry.repo}`, then {upgrade[4:]}"
    if matches(path, entry.exclude):
        return f"remove it from `exclude` of the model `{model}`, then run `modelgen lock` and `modelgen fetch`"
    if entry.include and not matches(path, entry.include):
        return f"add it to `include` of the model `{model}`, then run `modelgen lock` and `modelgen fetch`"
    if path in entry.left_out or matches(path, entry.left_out):
        return f"{upgrade}, then `modelgen fetch`"
    newer = f"{upgrade}, then `modelgen fetch`, in case a newer commit has it"
    return f"{otherwise}, or {newer}" if otherwise else newer
