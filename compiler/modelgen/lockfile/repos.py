"""Parse names of the hub: repositories, commits and the folders of its cache layout."""

from __future__ import annotations

import re

COMMIT = r"[0-9a-f]{40}"
LOCAL = "local/"
"""Namespace of repositories that `modelgen add` makes; they are never requested from the hub."""
OWN_FOLDER = ".locks/modelgen"
"""modelgen's folder in a hub directory, below `.locks`: `hf cache` warns of every other folder at the root."""
OLD_FOLDER = ".modelgen"
"""modelgen's own folder in earlier versions."""
ASSETS = f"{OWN_FOLDER}/assets"
"""A folder for each file that is on no hub, named by its hash."""
ASIDE = f"{OWN_FOLDER}/aside"
"""Files that were moved aside for a correct one, by their path in the hub directory."""

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_REPO = re.compile(rf"(?:{_PART}/)?{_PART}")


def is_repo_id(text: str) -> bool:
    """Return whether huggingface_hub's validate_repo_id would accept `text`."""
    return (
        _REPO.fullmatch(text) is not None
        and len(text) <= 96
        and "--" not in text
        and ".." not in text
        and not text.endswith(".git")
    )


def is_commit(text: str) -> bool:
    """Return whether `text` names a commit, which never moves: 40 hex digits."""
    return re.fullmatch(COMMIT, text) is not None


def is_local(repo: str) -> bool:
    """Return whether a repository was made by `modelgen add` and is not on the hub."""
    return repo.startswith(LOCAL)


def repo_folder(repo: str) -> str:
    """Return the folder of a repository below the hub directory: `models--namespace--name`."""
    return f"models--{repo.replace('/', '--')}"


def snapshot_folder(repo: str, commit: str) -> str:
    """Return the folder of a snapshot below the hub directory, as a POSIX path."""
    return f"{repo_folder(repo)}/snapshots/{commit}"
