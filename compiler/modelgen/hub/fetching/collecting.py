"""All contents of a fetch, several at once, and what becomes of each."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub import client
from modelgen.hub.fetching.bringing import LARGE, Bringer
from modelgen.hub.fetching.events import Completed, Report
from modelgen.hub.fetching.planning import Job
from modelgen.hub.fetching.trust import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.hub.fetching.remembered import Seen
    from modelgen.lockfile.entries import Asset

# Small files are round trips, large ones are work for the processor: more of these at once would only take turns.
_SMALL_AT_ONCE = 32
_LARGE_AT_ONCE = 4


class XetStalledError(ModelgenError):
    """The native transfer hangs without an error (xet-core#850, #883, #898); only another process gets rid of it."""


@dataclass
class Outcome:
    """What a fetch came to: files and bytes that were brought."""

    files: int = 0
    bytes: int = 0
    failures: list[ModelgenError] = field(default_factory=list)
    has_whole: bool = False
    """Whether any snapshot is whole in the end."""


class Collecting:
    """The pools that bring contents, and the results as they come.

    Args:
        bringer: Brings one content.
        seen: Notes what came with the right hash.
        report: Told of each repository that is complete.
        outcome: Counts what came, and takes what failed.
    """

    def __init__(self, bringer: Bringer, seen: Seen, report: Report, outcome: Outcome) -> None:
        self._bringer = bringer
        self._seen = seen
        self._report = report
        self._outcome = outcome
        self._left: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def bring(self, jobs: Sequence[Job], assets: Sequence[Asset]) -> None:
        """Bring all contents; a full or broken disk ends them all, any other failure its file alone.

        Raises:
            XetStalledError: Nothing came through Xet for a while.
            ModelgenError: The disk.
        """
        self._left.update(job.checkout.repo for job in jobs)
        large, small = ThreadPoolExecutor(_LARGE_AT_ONCE), ThreadPoolExecutor(_SMALL_AT_ONCE)
        try:
            running: dict[Future[int], Job | Asset] = {}
            for job in jobs:
                pool = large if job.file.size >= LARGE else small
                running[pool.submit(self._bringer.bring, job)] = job
            for asset in assets:
                running[small.submit(self._bringer.bring_asset, asset)] = asset
            self._collect(running)
        finally:
            # Threads that hang in a dead transfer are left to the end of the process.
            large.shutdown(wait=False, cancel_futures=True)
            small.shutdown(wait=False, cancel_futures=True)

    def _collect(self, running: dict[Future[int], Job | Asset]) -> None:
        left = set(running)
        while left:
            done, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future, running[future])
            if self._bringer.is_stalled():
                raise XetStalledError("nothing came through Xet for a while")

    def _take(self, future: Future[int], job: Job | Asset) -> None:
        try:
            size = future.result()
        except Exception as error:
            failure = self._bringer.explain(error, job)
            if client.is_of_disk(error):
                raise failure from error
            self._outcome.failures.append(failure)
            return
        self._outcome.bytes += size
        self._outcome.files += len(job.places) if isinstance(job, Job) else 1
        if isinstance(job, Job):
            note(self._seen, job.places)
            self._count(job, size)

    def _count(self, job: Job, size: int) -> None:
        """Tell of a repository when its last content is there; one with a failure never is complete."""
        repo = job.checkout.repo
        self._left[repo] -= 1
        self._files[repo] += len(job.places)
        self._bytes[repo] += size
        if not self._left[repo]:
            self._report(Completed(repo, self._files[repo], self._bytes[repo]))
