"""List what a lock serves, for a security review: licences, terms, code, formats that can run code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.lockfile.entries import digest_of
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.lockfile.entries import Snapshot

_PYTHON = (".py", ".pyc", ".pyd", ".so")
# Pickles and formats based on them: loading one runs the code in it, unless the loader accepts tensors only.
_PICKLES = (".bin", ".ckpt", ".dill", ".joblib", ".mar", ".nemo", ".pickle", ".pkl", ".pt", ".pth")
_HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Item:
    """One repository at one commit.

    Args:
        entry: The entry of the lock.
        trusting: Ids of the models that may run code of a repository.
        code_from: The repositories that their code comes from.
    """

    entry: Snapshot
    trusting: tuple[str, ...]
    code_from: tuple[str, ...]

    @property
    def python(self) -> list[str]:
        """Files with Python code, by path."""
        return _with_suffix(self.entry, _PYTHON)

    @property
    def pickles(self) -> list[str]:
        """Files in formats that can run code, by path."""
        return _with_suffix(self.entry, _PICKLES)

    @property
    def digest(self) -> str:
        """One hash of everything in the entry: commit, paths, sizes and hashes of all files."""
        return digest_of(self.entry)

    @property
    def terms(self) -> str | None:
        """The address of a gated repository's terms."""
        return f"{_HUB}/{self.entry.repo}" if self.entry.gated and not is_local(self.entry.repo) else None


def inventory(
    snapshots: Sequence[Snapshot], needing: Mapping[str, Sequence[str]], code: Mapping[str, Sequence[str]]
) -> list[Item]:
    """Return the entries of a lock by repository.

    Args:
        snapshots: Entries of the lock.
        needing: Ids of the models that may run code, by the repository that they load.
        code: The repositories of code of such a model, by its id.
    """
    items = []
    for entry in sorted(snapshots, key=lambda entry: (entry.repo, entry.commit)):
        trusting = tuple(needing.get(entry.repo, ()))
        sources = dict.fromkeys(repo for model in trusting for repo in code.get(model, ()))
        items.append(Item(entry, trusting, tuple(sources)))
    return items


def _with_suffix(entry: Snapshot, suffixes: tuple[str, ...]) -> list[str]:
    return sorted(file.path for file in entry.files if file.path.lower().endswith(suffixes))
