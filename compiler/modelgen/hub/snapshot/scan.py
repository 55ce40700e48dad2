"""List the complete models in a hub directory, for a first models.toml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.cache.layout import DEFAULT_REF
from modelgen.hub.snapshot.checkpoint import Checkpoint, examine, read_json
from modelgen.hub.snapshot.left_out import choose
from modelgen.lockfile.repos import is_commit, is_repo_id

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX = "models--"
_MOST_FILES = 20_000


@dataclass(frozen=True)
class Found:
    """A repository in a hub directory.

    Args:
        repo: Repository id.
        checkpoint: The checkpoint in its snapshot, with faults if it is incomplete.
    """

    repo: str
    checkpoint: Checkpoint


def scan(hub: Path) -> list[Found]:
    """Return the repositories of models that have a snapshot, by name; empty if there is no hub."""
    found = []
    for name in _names(hub, ""):
        repo = name.removeprefix(_PREFIX).replace("--", "/")
        if not name.startswith(_PREFIX) or not is_repo_id(repo):
            continue
        if (commit := _commit(hub, name)) is not None:
            found.append(Found(repo, _examine(hub, name, commit)))
    return found


def _commit(hub: Path, folder: str) -> str | None:
    """Return the commit that an engine opens by name, else the only one."""
    there = [name for name in _names(hub, f"{folder}/snapshots") if is_commit(name)]
    ref = follow(hub, f"{folder}/refs/{DEFAULT_REF}")
    if ref.is_file:
        try:
            with open_regular(hub.joinpath(*ref.parts)) as file:
                text = file.read(100).decode(errors="replace").strip()
        except OSError:
            text = ""
        if text in there:
            return text
    return there[0] if len(there) == 1 else None


def _examine(hub: Path, folder: str, commit: str) -> Checkpoint:
    files: dict[str, Path] = {}
    lost: list[str] = []
    todo = [""]
    while todo and len(files) < _MOST_FILES:
        below = todo.pop()
        for name in _names(hub, f"{folder}/snapshots/{commit}/{below}"):
            path = f"{below}{name}"
            landing = follow(hub, f"{folder}/snapshots/{commit}/{path}")
            if landing.is_folder and not landing.is_link:
                todo.append(f"{path}/")
            elif landing.is_file:
                files[path] = hub.joinpath(*landing.parts)
            elif not landing.is_folder:
                lost.append(path)
    checkpoint = examine(files)
    lost += _listed(hub, folder, commit, checkpoint) - files.keys()
    if lost:
        checkpoint.faults.insert(0, f"{len(lost)} of its files {'are' if lost[1:] else 'is'} missing ({lost[0][:80]})")
    return checkpoint


def _listed(hub: Path, folder: str, commit: str, checkpoint: Checkpoint) -> set[str]:
    """Return the weights in the client's listing that serving needs; one GGUF file is enough."""
    landing = follow(hub, f"{folder}/trees/{commit}.json")
    listing = read_json(hub.joinpath(*landing.parts)) if landing.is_file else None
    listed = listing.get("files") if isinstance(listing, dict) else None
    if not isinstance(listed, dict) or checkpoint.kind == "gguf":
        return set()
    return {path for path in choose(listed, (), ()).kept if path.endswith(".safetensors")}


def _names(hub: Path, folder: str) -> list[str]:
    """Return the names in a folder, sorted; empty if it cannot be read or is outside the hub."""
    landing = follow(hub, folder)
    if not landing.is_folder:
        return []
    try:
        names = os.listdir(hub.joinpath(*landing.parts))  # noqa: PTH208 - names alone
    except OSError:
        return []
    return sorted(name for name in names if name.isprintable())
