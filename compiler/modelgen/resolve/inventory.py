"""List which repositories models load, with those whose code may run, for a security review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.lockfile.inventory import inventory
from modelgen.resolve.assets import wants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.inventory import Item
    from modelgen.lockfile.wants import Want
    from modelgen.resolve.runs import ModelRun


def items_of(runs: Mapping[str, ModelRun], lock: Lock, names: Sequence[str]) -> list[Item]:
    """Return the entries of the lock that models need, by repository.

    Args:
        runs: All models, by id.
        lock: The lock.
        names: Ids of the models to list.
    """
    found = {name: wants(runs, lock, [name]) for name in names}
    trusting = [name for name in names if runs[name].model.trust_remote_code]
    needing: dict[str, list[str]] = {}
    for name in trusting:
        for want in found[name]:
            needing.setdefault(want.repo, []).append(name)
    code = {name: _code_of(runs[name].model.repo, found[name]) for name in trusting}
    entries = [entry for want in wants(runs, lock, names) if (entry := lock.find(want)) is not None]
    return inventory(entries, needing, code)


def _code_of(own: str | None, found: Sequence[Want]) -> list[str]:
    """Return the repositories of a model's code: its own, and those that its auto_map names."""
    return [*dict.fromkeys([*([own] if own else []), *(want.repo for want in found if want.role == "code")])]
