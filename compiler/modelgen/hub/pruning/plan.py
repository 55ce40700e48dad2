"""Plan what to remove from a hub directory: snapshots that no registered lock needs, and their blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.hub.pruning.left_files import left_files, shorter_listing
from modelgen.hub.pruning.looking import entries, walk
from modelgen.hub.pruning.own_files import moved_aside, own_things, shared
from modelgen.hub.pruning.repository import LOCAL_PREFIX, inside, listings, loose_blobs, origin, refs, targets
from modelgen.hub.pruning.settling import Settled, commits_of, settle, unneeded
from modelgen.hub.pruning.things import UNNEEDED, Plan, Thing
from modelgen.hub.pruning.weighing import weigh
from modelgen.locks import is_held

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed

_PREFIX = "models--"
_OWN = ("blobs", "refs", "snapshots", "trees")


def make_plan(hub: Path, needed: Needed, *, local: bool) -> Plan:
    """Return the plan for a hub directory.

    Args:
        hub: The hub directory.
        needed: What is needed.
        local: Also remove what may exist nowhere else: local models, and foreign files moved aside.

    Raises:
        OSError: A folder cannot be read.
    """
    plan = _plan(hub, needed, local=True)
    if local:
        return plan
    # The second plan computes what `--local` would free.
    whole, plan = plan, _plan(hub, needed, local=False)
    known = {thing.path for thing in plan.things}
    plan.local = [thing for thing in whole.things if _may_be_only_copy(thing) and thing.path not in known]
    return plan


def _may_be_only_copy(thing: Thing) -> bool:
    return thing.path.startswith(LOCAL_PREFIX) or thing.kind == "aside"


def _plan(hub: Path, needed: Needed, *, local: bool) -> Plan:
    plan = Plan()
    repos = [name for name in _repos(hub, plan) if _may_change(hub, name, plan)]
    repos = [name for name in repos if local or not name.startswith(LOCAL_PREFIX)]
    settled = settle(hub, unneeded(hub, repos, needed), {*_left_files(hub, repos, needed, plan)}, plan)
    for name in repos:
        if name in settled.going:
            plan.things.append(Thing("repository", name, f"{UNNEEDED}{origin(hub, name)}", (name,)))
        else:
            _add_parts(hub, name, needed, settled, plan)
    plan.things += own_things(hub, needed)
    replaced, foreign = moved_aside(hub, needed)
    plan.things += [*replaced, *(foreign if local else ())]
    plan.things += shared(hub, settled.protected)
    plan.things = weigh(hub, plan.things)
    names = tuple(path for path, commit in plan.refs.items() if commit is None)
    plan.ref_bytes = sum(thing.bytes for thing in weigh(hub, [Thing("refs", "", "", (), names)]))
    return plan


def _add_parts(hub: Path, name: str, needed: Needed, settled: Settled, plan: Plan) -> None:
    """Add what can be removed from a repository that is kept in part."""
    commits = commits_of(hub, name)
    gone = [commit for commit in commits if f"{name}/snapshots/{commit}" in settled.going]
    kept = {*commits, *needed.commits.get(name, ())} - {*gone}
    loose = {*loose_blobs(hub, name, needed)} - settled.protected
    for path in sorted(path for path in settled.files if path.startswith(f"{name}/")):
        blobs = tuple(sorted(loose & {*targets(hub, path)}))
        loose -= {*blobs}
        plan.things.append(
            Thing("left-out", path, f"left-out file of {needed.repos[name]}; {UNNEEDED}", (), (path, *blobs))
        )
    for commit in commits:
        files = {path for path in settled.files if path.startswith(f"{name}/snapshots/{commit}/")}
        if files:
            plan.listings[f"{name}/trees/{commit}.json"] = shorter_listing(hub, name, commit, files)
    plan.things += inside(hub, name, gone, loose)
    plan.things += listings(hub, name, kept | {*gone})
    plan.refs |= refs(hub, name, needed, kept)


def _left_files(hub: Path, repos: Iterable[str], needed: Needed, plan: Plan) -> Iterator[str]:
    for name in repos:
        for commit in commits_of(hub, name):
            files = [*left_files(hub, name, commit, needed)]
            if files and commit in needed.outdated:
                plan.left[f"{name}/snapshots/{commit}"] = (
                    f"{needed.outdated[commit]} is older than its models.lock and may need its left-out files; "
                    "run `modelgen build` or `modelgen up` there"
                )
            else:
                yield from files


def _repos(hub: Path, plan: Plan) -> Iterator[str]:
    for entry in entries(hub, ""):
        if entry.name.startswith(_PREFIX):
            if entry.is_dir(follow_symlinks=False):
                yield entry.name
            else:
                plan.left[entry.name] = "is not a folder"


def _may_change(hub: Path, name: str, plan: Plan) -> bool:
    """Return whether a repository can be pruned: its folders are no links, and no program downloads into it."""
    for own in _OWN:
        if (hub / name / own).is_symlink():
            plan.left[name] = f"its {own} is a link"
            return False
    # The client holds the lock of a blob from before the download until it has created the link.
    if any(is_held(hub / path) for path, _ in walk(hub, f".locks/{name}")):
        plan.left[name] = "another program downloads into it"
        return False
    return True
