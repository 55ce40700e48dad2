"""Download what is locked: one pool over all files, each hashed before it counts as present."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.cache import publishing
from modelgen.hub.cache.hashing import in_parallel
from modelgen.hub.cache.holding import held, make_folder
from modelgen.hub.cache.long_paths import refuse_long_paths
from modelgen.hub.connection import client
from modelgen.hub.fetching.bringing import Bringer
from modelgen.hub.fetching.collecting import MOST_AT_ONCE, Collecting, Outcome
from modelgen.hub.fetching.events import Noticed, Planned, Report
from modelgen.hub.fetching.finishing import AT_ONCE, finish
from modelgen.hub.fetching.leftovers import remove_leftovers
from modelgen.hub.fetching.limit import Limit
from modelgen.hub.fetching.ranges.pace import Pace
from modelgen.hub.fetching.remembered import Seen
from modelgen.hub.fetching.reusing import reuse
from modelgen.hub.fetching.run import Run
from modelgen.hub.fetching.session import Session
from modelgen.hub.fetching.trust import find_damaged, refuse_closed, refuse_links, refuse_local, refuse_unreadable, save
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.connection.client import Connection
    from modelgen.hub.fetching.planning import Job, Plan, Wanted
    from modelgen.lockfile.entries import File

# Share of the planned bytes that is added for the file system's own data.
_SPARE = 0.05


def fetch(wanted: Wanted, connect: Callable[[], Connection], report: Report, max_rate: int | None = None) -> Outcome:
    """Complete the hub directory, and write refs only for complete snapshots; if nothing is missing, send no request.

    Args:
        wanted: The files.
        connect: Creates the connection, if one is needed.
        report: Called with each event.
        max_rate: Limit in bytes per second, over all connections; None for no limit.

    Raises:
        ModelgenError: The fetch failed as a whole; failures of single repositories and files are in the outcome.
        OSError: The hub directory cannot be written.
    """
    wanted = _without_unreadable(wanted)
    seen = Seen(wanted.hub)
    run = Run(wanted, report, seen, Outcome(failures=[*wanted.not_locked]), max_rate)
    missing = run.plan()
    damaged = find_damaged(wanted.hub, missing.unsure, seen, report, run.refuse)
    if not (damaged or missing.jobs or missing.assets or missing.stale):
        save(wanted, seen)
        run.outcome.has_whole = bool(run.kept)
        return run.outcome
    with held(wanted.hub, "modelgen fetch", lambda text: report(Noticed(text))):
        try:
            _complete_all(run, connect)
        finally:
            save(wanted, seen)
    return run.outcome


def _complete_all(run: Run, connect: Callable[[], Connection]) -> None:
    """Make all changes to the hub directory, while it is locked."""
    wanted, report, seen = run.wanted, run.report, run.seen
    for checkout in run.kept:
        run.attempt(checkout, partial(_refuse, checkout))
    # Another process may have changed the directory meanwhile, so plan again.
    for checkout, file in find_damaged(wanted.hub, run.plan().unsure, seen, report, run.refuse):
        if run.attempt(checkout, partial(_refuse_damaged, checkout, file)):
            report(Noticed(f"{checkout.repo}: {file.path} is damaged here: its hash is wrong; fetching it again"))
            publishing.set_damaged_aside(checkout, file)
    remove_leftovers(wanted.hub, wanted.checkouts)
    missing = run.plan()
    touched = {id(one): one for one in (*missing.stale, *(place[0] for job in missing.jobs for place in job.places))}
    for checkout in touched.values():
        run.attempt(checkout, partial(refuse_closed, wanted.hub, checkout))
    missing = run.plan()
    _check_space(wanted.hub, missing)
    reused = reuse(wanted.hub, missing.jobs, seen, report, run.refuse)
    for job in run.plan().jobs:
        for checkout, file in job.places:
            run.attempt(checkout, partial(refuse_local, checkout, file))
    missing = run.plan()
    _check_space(wanted.hub, missing)
    connection = connect() if missing.jobs or missing.assets else None
    if connection is not None:
        missing = _bring_all(run, missing, connection)
    finish(run, missing, connection, reused)
    if not run.outcome.failures:
        _refuse_incomplete(wanted, seen)


def _without_unreadable(wanted: Wanted) -> Wanted:
    """Leave out the repositories that this process cannot read, and report them."""
    kept, failures = [], list[ModelgenError]()
    for checkout in wanted.checkouts:
        try:
            refuse_unreadable(checkout)
        except ModelgenError as error:
            failures.append(error)
        else:
            kept.append(checkout)
    return replace(wanted, checkouts=kept, not_locked=[*wanted.not_locked, *failures]) if failures else wanted


def _refuse(checkout: Checkout) -> None:
    """Refuse a checkout that could not be completed, before anything is changed."""
    refuse_links(checkout)
    refuse_long_paths(checkout)


def _refuse_damaged(checkout: Checkout, file: File) -> None:
    """Refuse a file that could not be replaced, before it is moved aside."""
    refuse_local(checkout, file)
    refuse_closed(checkout.hub, checkout)


def _refuse_incomplete(wanted: Wanted, seen: Seen) -> None:
    """Check again at the end: another program may change the same directory."""
    for job in wanted.plan(seen).jobs:
        models = " ".join(job.checkout.models)
        raise ModelgenError(
            f"{models}: {job.checkout.repo}: {job.file.path} was fetched, but does not have the "
            f"{job.file.size:,} bytes of models.lock; if no other program changes {wanted.hub}, run "
            f"`modelgen lock --upgrade {models}`"
        )


def _check_space(hub: Path, missing: Plan) -> None:
    make_folder(hub)
    needed, free = int(missing.space * (1 + _SPARE)), shutil.disk_usage(hub).free
    if missing.space and needed > free:
        raise ModelgenError(
            f"{hub} has {of_files(free)} free, and {of_files(missing.space)} are needed, with {_SPARE:.0%} to spare; "
            "free some space, such as with `modelgen prune`, or set another directory in `[project] hub`"
        )


def _bring_all(run: Run, missing: Plan, connection: Connection) -> Plan:
    """Download what is missing, and return the plan."""
    wanted, report = run.wanted, run.report
    stop = threading.Event()
    limit = Limit(MOST_AT_ONCE, len({job.checkout.repo for job in missing.jobs}))
    session = Session(wanted.hub, connection, report, stop, Pace(run.max_rate, stop), limit)
    with client.LogForwarder(session.forward_log):
        return _bring_through(session, run, missing)


def _bring_through(session: Session, run: Run, missing: Plan) -> Plan:
    report, outcome = run.report, run.outcome
    bringer = Bringer(session)
    closed = bringer.check_access(missing.jobs)
    run.refuse_closed(closed)
    missing = run.plan() if closed else missing
    resumed = sum(job.have for job in missing.jobs)
    files = sum(len(job.places) for job in missing.jobs) + len(missing.assets)
    repos = {job.checkout.repo for job in missing.jobs}
    if files:
        report(Planned(files, missing.size + resumed, resumed, len(repos)))
    jobs = [job for job in missing.jobs if _clear_way(job, outcome)]
    # Written before the first file: offline, a client from 2.0 on then reports half a snapshot as incomplete.
    begun = {id(checkout): checkout for job in jobs for checkout, _ in job.places}
    list(in_parallel(publishing.write_listing, begun.values(), AT_ONCE))
    collecting = Collecting(bringer, run.seen, report, outcome)
    try:
        collecting.bring(jobs, missing.assets)
    finally:
        session.stop.set()  # an interrupt must not wait for threads
    return missing


def _clear_way(job: Job, outcome: Outcome) -> bool:
    try:
        for place in job.places:
            publishing.clear_way(*place)
    except ModelgenError as error:
        outcome.failures.append(error)
        return False
    return True
