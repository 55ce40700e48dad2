"""Bring what is locked into the hub directory: one pool over all files, each hashed before it counts as there."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub import client, publishing
from modelgen.hub.fetching.bringing import LARGE, Bringer
from modelgen.hub.fetching.events import Noticed, Planned, Report
from modelgen.hub.fetching.leftovers import remove_leftovers
from modelgen.hub.fetching.planning import Job, Plan, plan
from modelgen.hub.fetching.session import Session
from modelgen.hub.hashing import in_parallel
from modelgen.hub.holding import held, make_folder
from modelgen.hub.small_files import is_there
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from modelgen.hub.client import Connection
    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import Asset

# Small files are round trips, large ones are work for the processor: more of these at once would only take turns.
_SMALL_AT_ONCE = 32
_LARGE_AT_ONCE = 4
_FINISHED_AT_ONCE = 8
# Of the plan's bytes, for what the file system keeps beside them.
_SPARE = 0.05


class XetStalledError(ModelgenError):
    """The native transfer hangs without an error (xet-core#850, #883, #898); only another process gets rid of it."""


@dataclass(frozen=True)
class Wanted:
    """What is to be in a hub directory."""

    hub: Path
    checkouts: Sequence[Checkout]
    assets: Sequence[Asset]

    def plan(self) -> Plan:
        """Return what is missing now."""
        return plan(self.hub, self.checkouts, self.assets)


@dataclass
class Outcome:
    """What a fetch came to: contents and bytes that were brought."""

    files: int = 0
    bytes: int = 0
    failures: list[ModelgenError] = field(default_factory=list)


def fetch(wanted: Wanted, connect: Callable[[], Connection], report: Report) -> Outcome:
    """Complete the hub directory, and write refs only for what is whole; with everything there, ask nobody.

    Args:
        wanted: See there.
        connect: Makes the connection, when it turns out that one is needed.
        report: Told of all that happens.

    Raises:
        ModelgenError: Nothing could be done; what went wrong with single files is in the outcome.
        OSError: The hub directory cannot be written.
    """
    if wanted.plan().is_empty:
        return Outcome()
    with held(wanted.hub, "modelgen fetch", lambda text: report(Noticed(text))):
        missing = wanted.plan()
        _refuse_local(missing)
        remove_leftovers(wanted.hub, wanted.checkouts)
        _check_space(wanted.hub, missing)
        connection = connect() if missing.jobs or missing.assets else None
        outcome = Outcome()
        if connection is not None:
            with client.Overheard(lambda text: report(Noticed(text))):
                outcome = _bring_all(wanted, missing, connection, report)
        _finish(wanted, missing, connection)
        if not outcome.failures:
            _refuse_incomplete(wanted)
        return outcome


def _refuse_local(missing: Plan) -> None:
    """What `modelgen add` made is on no hub; some other hub may have a namespace of that name."""
    for job in missing.jobs:
        if is_local(job.checkout.repo):
            repo, models = job.checkout.repo, ", ".join(job.checkout.models)
            raise InputError(
                f"{models}: {repo} lacks {job.file.path} at the commit of models.lock, and is on no hub; "
                f"bring it by `modelgen add PATH --as {repo}`, then `modelgen lock --upgrade`"
            )


def _refuse_incomplete(wanted: Wanted) -> None:
    """Look again, whatever everybody said: somebody else may work in the same directory."""
    for job in wanted.plan().jobs:
        models = " ".join(job.checkout.models)
        raise ModelgenError(
            f"{models}: {job.checkout.repo}: {job.file.path} was fetched, and is not there with the "
            f"{job.file.size:,} bytes of models.lock; if nobody else changes {wanted.hub}, run "
            f"`modelgen lock --upgrade {models}`"
        )


def _check_space(hub: Path, missing: Plan) -> None:
    make_folder(hub)
    needed, free = int(missing.size * (1 + _SPARE)), shutil.disk_usage(hub).free
    if missing.size and needed > free:
        raise ModelgenError(
            f"{hub} has {free / 1e9:.2f} GB free, and {needed / 1e9:.2f} GB are needed; make room, "
            "or name another directory in `[project] hub`"
        )


def _bring_all(wanted: Wanted, missing: Plan, connection: Connection, report: Report) -> Outcome:
    resumed = sum(job.have for job in missing.jobs)
    files = len(missing.jobs) + len(missing.assets)
    report(Planned(files, missing.size + resumed, resumed))
    stop, outcome = threading.Event(), Outcome()
    bringer = Bringer(Session(wanted.hub, connection, report, stop))
    outcome.failures += bringer.check_access(missing.jobs)
    if outcome.failures:
        return outcome
    jobs = [job for job in missing.jobs if _clear_way(job, outcome)]
    # Before the first file: offline, a client from 2.0 on then knows half a snapshot for what it is.
    begun = {id(checkout): checkout for job in jobs for checkout, _ in job.places}
    list(in_parallel(publishing.write_listing, begun.values(), _FINISHED_AT_ONCE))
    large, small = ThreadPoolExecutor(_LARGE_AT_ONCE), ThreadPoolExecutor(_SMALL_AT_ONCE)
    try:
        running: dict[Future[int], Job | Asset] = {}
        for job in jobs:
            pool = large if job.file.size >= LARGE else small
            running[pool.submit(bringer.bring, job)] = job
        for asset in missing.assets:
            running[small.submit(bringer.bring_asset, asset)] = asset
        _collect(running, bringer, outcome)
    finally:
        # Whoever interrupts waits for nobody; threads that hang in a dead transfer are left to the end of the process.
        stop.set()
        large.shutdown(wait=False, cancel_futures=True)
        small.shutdown(wait=False, cancel_futures=True)
    return outcome


def _clear_way(job: Job, outcome: Outcome) -> bool:
    try:
        for place in job.places:
            publishing.clear_way(*place)
    except ModelgenError as error:
        outcome.failures.append(error)
        return False
    return True


def _collect(running: dict[Future[int], Job | Asset], bringer: Bringer, outcome: Outcome) -> None:
    """Take the results as they come; a full or broken disk ends them all, any other failure its file alone.

    Raises:
        XetStalledError: Nothing came through Xet for a while.
        OSError: The disk.
    """
    left = set(running)
    while left:
        done, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                outcome.bytes += future.result()
                outcome.files += 1
            except Exception as error:
                if client.is_of_disk(error):
                    raise
                job = running[future]
                outcome.failures.append(bringer.explain(error, job))
        if bringer.is_stalled():
            raise XetStalledError("nothing came through Xet for a minute")


def _complete(checkout: Checkout, connection: Connection) -> None:
    """Let the official client have the last word on the layout; it adds what an own download left out."""
    import glob

    from huggingface_hub import snapshot_download

    client.attempt(
        lambda: snapshot_download(
            checkout.repo,
            revision=checkout.commit,
            cache_dir=checkout.hub,
            endpoint=connection.endpoint,
            token=connection.token,
            library_name="modelgen",
            allow_patterns=[glob.escape(path) for path in checkout.files],
        )
    )


def _finish(wanted: Wanted, missing: Plan, connection: Connection | None) -> None:
    """Let the client complete each snapshot that is whole now, make it durable, and give it its refs."""
    touched = {id(checkout) for job in missing.jobs for checkout, _ in job.places}
    stale = {id(checkout) for checkout in missing.stale}

    def finish(checkout: Checkout) -> None:
        if not all(is_there(checkout.pointer(file), file.size) for file in checkout.files.values()):
            return
        if id(checkout) in touched and connection is not None:
            _complete(checkout, connection)
            publishing.finish(checkout)
        elif id(checkout) in stale:
            publishing.write_small_files(checkout)

    list(in_parallel(finish, wanted.checkouts, _FINISHED_AT_ONCE))
