"""From what models.toml needs and what the lock has to what the lock is to have: only what is new is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.loadable import why_not
from modelgen.hub.locking import offline
from modelgen.hub.locking.listing import Ask, Pinned, unusable
from modelgen.lockfile.entries import Lock, Snapshot
from modelgen.lockfile.loading import why_outdated
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from modelgen.hub.client import Connection
    from modelgen.lockfile.wants import Want


@dataclass(frozen=True)
class Places:
    """Where to look.

    Args:
        hub: The hub directory.
        connect: Reaches the hub, the first time that it is asked; None to ask nobody.
        say: Told of waits.
        asked: Told how many repositories are asked for.
        planned: Told how many bytes of the hub directory there are to hash.
        hashed: Told of bytes that are hashed.
    """

    hub: Path
    connect: Callable[[], Connection] | None
    say: Callable[[str], None]
    asked: Callable[[int], None]
    planned: Callable[[int], None]
    hashed: Callable[[int], None]


@dataclass
class Resolution:
    """What the lock is to have.

    Args:
        kept: Entries of the old lock.
        pinned: New ones.
        faults: Why there are not all.
    """

    kept: dict[Want, Snapshot] = field(default_factory=dict)
    pinned: dict[Want, Pinned] = field(default_factory=dict)
    faults: dict[Want, ModelgenError] = field(default_factory=dict)

    @property
    def lock(self) -> Lock:
        """The entries so far."""
        return Lock(snapshots=[*self.kept.values(), *(pinned.entry for pinned in self.pinned.values())])


def resolve(needs: Callable[[Lock], list[Want]], old: Lock, moved: Collection[str], places: Places) -> Resolution:
    """Return an entry for everything that is needed.

    A config.json may name further repositories, so it goes on until nothing new is needed.

    Args:
        needs: Returns what is needed, as far as a lock tells.
        old: The lock as it is.
        moved: Ids of the models whose commits are to move.
        places: Where to look.
    """
    done = Resolution()
    freed: set[tuple[str, str | None]] = set()
    before: list[tuple[Want, tuple[str, ...]]] = []
    while True:
        wanted = needs(done.lock)
        # By repository and revision: one ref has one commit, whoever else needs it.
        freed |= {(want.repo, want.revision) for want in wanted if any(model in moved for model in want.models)}
        done.pinned = {want: found for want, found in done.pinned.items() if not _is_outgrown(want, found, wanted)}
        done.kept = _keep(wanted, old, freed, done)
        missing = [want for want in wanted if not any(want in part for part in (done.kept, done.pinned, done.faults))]
        now = [(want, want.models) for want in wanted]
        if not missing and now == before:
            return _refresh(done, wanted)
        before = now
        pins = _pins(old, freed, done)
        asks = [Ask(want, pins.get((want.repo, want.revision))) for want in missing]
        for ask, found in _look_up(asks, places):
            if isinstance(found, ModelgenError):
                done.faults[ask.want] = found
            else:
                done.pinned[ask.want] = found


def _is_outgrown(want: Want, found: Pinned, wanted: Iterable[Want]) -> bool:
    """Return whether a config has named a repository in the meantime for a loader that reads other files of it."""
    return any(other == want and why_outdated(other, found.entry) for other in wanted)


def _keep(
    wanted: Iterable[Want], old: Lock, freed: Collection[tuple[str, str | None]], done: Resolution
) -> dict[Want, Snapshot]:
    kept = {}
    for want in wanted:
        entry = old.find(want) if (want.repo, want.revision) not in freed and want not in done.pinned else None
        # What was left out for other engines is looked up again, at the commit that is locked.
        if entry is None or why_outdated(want, entry):
            continue
        # It was locked for another model, or by another version.
        if fault := why_not(want.form, entry.by_path, entry.config, want.loaders):
            done.faults[want] = unusable(Ask(want, entry.commit), fault)
        else:
            kept[want] = entry
    return kept


def _pins(old: Lock, freed: Collection[tuple[str, str | None]], done: Resolution) -> dict[tuple[str, str | None], str]:
    """Return the commits at which a repository stays although its patterns have changed."""
    new = [pinned.entry for pinned in done.pinned.values()]
    entries = [*(entry for entry in old.snapshots if (entry.repo, entry.revision) not in freed), *new]
    return {(entry.repo, entry.revision): entry.commit for entry in entries}


def _refresh(done: Resolution, wanted: Iterable[Want]) -> Resolution:
    """Return it with who needs what now."""
    models = {want: [*want.models] for want in wanted}
    done.kept = {want: with_models(entry, models[want]) for want, entry in done.kept.items()}
    done.pinned = {
        want: replace(found, entry=with_models(found.entry, models[want]))
        for want, found in done.pinned.items()
        if want in models
    }
    return done


def with_models(entry: Snapshot, models: list[str]) -> Snapshot:
    """Return an entry that says who needs it; made anew, since what it answers is cached in it."""
    return Snapshot(**{**{name: getattr(entry, name) for name in Snapshot.model_fields}, "models": models})


def _look_up(asks: list[Ask], places: Places) -> list[tuple[Ask, Pinned | ModelgenError]]:
    """Ask the hub, and the hub directory for what only that has."""
    here = [ask for ask in asks if places.connect is None or is_local(ask.want.repo)]
    there = [ask for ask in asks if ask not in here]
    found = offline.look_up(places.hub, here, places.planned, places.hashed) if here else []
    if there and places.connect is not None:
        from modelgen.hub.locking import online

        places.asked(len(there))
        found += online.look_up(places.connect(), there, places.say)
    return found
