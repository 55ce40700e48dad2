"""Update a lock: from the old lock and what models.toml needs, look up only what is new."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.locking import doubts, offline
from modelgen.hub.locking.ask import Ask
from modelgen.hub.locking.listing import Pinned, UnusableError
from modelgen.hub.locking.naming import names_error
from modelgen.hub.locking.resolution import Resolution
from modelgen.hub.snapshot.loadable import why_not
from modelgen.lockfile.entries import Snapshot
from modelgen.lockfile.facts import lacks_facts
from modelgen.lockfile.loading import why_outdated
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from modelgen.files import InputError
    from modelgen.hub.connection.client import Connection
    from modelgen.hub.locking.target_names import Target
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.wants import Want


@dataclass(frozen=True)
class Places:
    """The sources of a look-up.

    Args:
        hub: The hub directory.
        connect: Connects to the hub at the first request; None to send no request.
        say: Called with messages about waits.
        asked: Called with the number of repositories to look up.
        planned: Called with the number of bytes to hash in the hub directory.
        hashed: Called with the number of hashed bytes.
        target: The limits of the hub directory's file system, which may be another host's.
    """

    hub: Path
    connect: Callable[[], Connection] | None
    say: Callable[[str], None]
    asked: Callable[[int], None]
    planned: Callable[[int], None]
    hashed: Callable[[int], None]
    target: Target


def relock(
    needs: Callable[[Lock], list[Want]],
    old: Lock,
    moved: Collection[str],
    places: Places,
    only: frozenset[str] | None = None,
) -> Resolution:
    """Return an entry for every need that can be resolved.

    A config.json may name further repositories, so it repeats until nothing new is needed.

    Args:
        needs: Returns what is needed according to a lock.
        old: The existing lock.
        moved: Ids of the models whose commits are updated.
        places: The sources.
        only: Ids of the models whose entries may change; None for all.
    """
    done = Resolution()
    freed: set[tuple[str, str | None]] = set()
    before: list[tuple[Want, tuple[str, ...]]] = []
    while True:
        needed = needs(done.lock)
        # By repository and revision: one ref has one commit for all models.
        freed |= {(want.repo, want.revision) for want in needed if any(model in moved for model in want.models)}
        wanted = [want for want in needed if _is_meant(want, old, freed, only)]
        if only is not None:
            done.untouched = {
                entry.want: entry
                for entry in old.snapshots
                if entry.want not in wanted and (entry.want in needed or not only >= {*entry.models})
            }
        done.pinned = {want: found for want, found in done.pinned.items() if not _is_outgrown(want, found, wanted)}
        done.kept = _keep(wanted, old, freed, done, may_ask=places.connect is not None)
        missing = [want for want in wanted if not any(want in part for part in (done.kept, done.pinned, done.faults))]
        now = [(want, want.models) for want in wanted]
        if not missing and now == before:
            for want, kept in done.kept.items():
                if (fault := _unfit(want, kept, places.target)) is not None:
                    done.faults[want], done.retained[want] = fault, kept
            _keep_together(done, old)
            _keep_former(done, old)
            _refresh(done, wanted)
            if places.connect is None:
                tokenizers = _with_tokenizers(needed)
                done.doubts = {
                    want: doubts.of_kept(places.hub, want, done.kept[want], tokenizers) for want in done.kept
                }
            return done
        before = now
        pins = _pins(old, freed, done)
        asks = [Ask(want, pins.get((want.repo, want.revision))) for want in missing]
        for ask, found in _look_up(asks, places, _with_tokenizers(needed)):
            if not isinstance(found, ModelgenError):
                found = _held(ask.want, found, places.target)  # noqa: PLW2901 - the same answer, judged once more
            if isinstance(found, ModelgenError) and _needs_only_facts(ask.want, old, freed):
                done.without_facts.add(ask.want)
            elif isinstance(found, ModelgenError):
                done.faults[ask.want] = found
                if (entry := _usable(ask.want, old)) is not None:
                    done.retained[ask.want] = entry
            else:
                done.pinned[ask.want] = found


def _is_meant(want: Want, old: Lock, freed: Collection[tuple[str, str | None]], only: Collection[str] | None) -> bool:
    """Return whether a want is looked up: one of a named model, or one that is updated with it."""
    return (
        only is None
        or any(model in only for model in want.models)
        or ((want.repo, want.revision) in freed and old.find(want) is not None)
    )


def _held(want: Want, found: Pinned, target: Target) -> Pinned | ModelgenError:
    return _unfit(want, found.entry, target) or found


def _unfit(want: Want, entry: Snapshot, target: Target) -> InputError | None:
    """Return the error for an entry with files that the hub directory cannot store."""
    faults = target.unfit(entry.by_path)
    return names_error(Ask(want, entry.commit), entry.by_path, faults, target.where) if faults else None


def _usable(want: Want, old: Lock) -> Snapshot | None:
    """Return the old entry that answers a want, if an engine can load it."""
    entry = old.find(want)
    return (
        entry if entry is not None and why_not(want.form, entry.by_path, entry.config, want.loaders) is None else None
    )


def _keep_together(done: Resolution, old: Lock) -> None:
    """Give each ref one commit: if one of its wants keeps the old commit, the others do too if they can."""
    commits = {(want.repo, want.revision): entry.commit for want, entry in done.retained.items()}
    for want, found in [*done.pinned.items()]:
        commit = commits.get((want.repo, want.revision), found.entry.commit)
        if commit != found.entry.commit and (entry := _usable(want, old)) is not None:
            done.retained[want] = entry
            del done.pinned[want]


def _keep_former(done: Resolution, old: Lock) -> None:
    """Keep the old entries of a repository whose look-up failed: its `revision` may be misspelt."""
    answered = {*done.kept, *done.pinned, *done.retained}
    failed = {want.repo for want in done.faults if want not in answered}
    done.untouched |= {
        entry.want: entry for entry in old.snapshots if entry.repo in failed and entry.want not in answered
    }


def _is_outgrown(want: Want, found: Pinned, wanted: Iterable[Want]) -> bool:
    """Return whether a config has since named the repository for a loader that reads other files of it."""
    return any(
        other == want and (why_outdated(other, found.entry) or lacks_facts(other, found.entry)) for other in wanted
    )


def _needs_only_facts(want: Want, old: Lock, freed: Collection[tuple[str, str | None]]) -> bool:
    """Return whether an old entry is right but for the facts, which are not worth an error without the hub."""
    entry = _usable(want, old) if (want.repo, want.revision) not in freed else None
    return entry is not None and why_outdated(want, entry) is None and lacks_facts(want, entry)


def _keep(
    wanted: Iterable[Want],
    old: Lock,
    freed: Collection[tuple[str, str | None]],
    done: Resolution,
    *,
    may_ask: bool,
) -> dict[Want, Snapshot]:
    kept = {}
    for want in wanted:
        entry = old.find(want) if (want.repo, want.revision) not in freed and want not in done.pinned else None
        # Files that were left out for other engines are looked up again, at the locked commit.
        if entry is None or why_outdated(want, entry):
            continue
        # It was locked for another model, or by another version.
        if fault := why_not(want.form, entry.by_path, entry.config, want.loaders):
            done.faults[want] = UnusableError(Ask(want, entry.commit), fault)
        # Offline, facts would need the hashes of all its files again.
        elif not may_ask or want in done.without_facts or not lacks_facts(want, entry):
            kept[want] = entry
    return kept


def _pins(old: Lock, freed: Collection[tuple[str, str | None]], done: Resolution) -> dict[tuple[str, str | None], str]:
    """Return the commits at which a repository stays although its patterns have changed."""
    new = [pinned.entry for pinned in done.pinned.values()]
    entries = [*(entry for entry in old.snapshots if (entry.repo, entry.revision) not in freed), *new]
    return {(entry.repo, entry.revision): entry.commit for entry in entries}


def _with_tokenizers(needed: Iterable[Want]) -> set[str]:
    """Return the models whose tokenizer is in another repository."""
    return {model for want in needed if want.role == "tokenizer" for model in want.models}


def _refresh(done: Resolution, wanted: Iterable[Want]) -> None:
    """Update the models that need each entry."""
    models = {want: [*want.models] for want in wanted}
    done.kept = {want: with_models(entry, models[want]) for want, entry in done.kept.items()}
    done.retained = {want: with_models(entry, models[want]) for want, entry in done.retained.items() if want in models}
    done.pinned = {
        want: replace(found, entry=with_models(found.entry, models[want]))
        for want, found in done.pinned.items()
        if want in models
    }


def with_models(entry: Snapshot, models: list[str]) -> Snapshot:
    """Return a copy of an entry with these models; a new object, since it caches its want."""
    return Snapshot(**{**{name: getattr(entry, name) for name in Snapshot.model_fields}, "models": models})


def _look_up(asks: list[Ask], places: Places, tokenizers: Collection[str]) -> list[tuple[Ask, Pinned | ModelgenError]]:
    """Look up on the hub, or in the hub directory for local repositories."""
    here = [ask for ask in asks if places.connect is None or is_local(ask.want.repo)]
    there = [ask for ask in asks if ask not in here]
    found = offline.look_up(places.hub, here, places.planned, places.hashed, tokenizers) if here else []
    if there and places.connect is not None:
        from modelgen.hub.locking import online

        places.asked(len(there))
        found += online.look_up(places.connect(), there, places.say)
    return found
