"""Download all files of a fetch in one pool, and decide what to do with each result."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.connection import client, error_kinds
from modelgen.hub.fetching.bringing import LARGE, Bringer
from modelgen.hub.fetching.events import Completed, Report
from modelgen.hub.fetching.explaining import Hopeless, explain
from modelgen.hub.fetching.planning import Job
from modelgen.hub.fetching.through_client import PassingError
from modelgen.hub.fetching.trust import note
from modelgen.hub.fetching.waiting import Content, Waiting, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.hub.fetching.remembered import Seen
    from modelgen.lockfile.entries import Asset

# Small files cost round trips, large ones cost CPU time: more large ones at once would not be faster.
_SMALL_AT_ONCE = 32
_LARGE_AT_ONCE = 4
MOST_AT_ONCE = _SMALL_AT_ONCE + _LARGE_AT_ONCE


class XetStalledError(ModelgenError):
    """The native transfer hangs without an error (xet-core#850, #883, #898); only a new process can end it."""


@dataclass
class Outcome:
    """The result of a fetch: downloaded files and bytes."""

    files: int = 0
    bytes: int = 0
    failures: list[ModelgenError] = field(default_factory=list)
    has_whole: bool = False
    """Return whether any snapshot is complete at the end."""


class Collecting:
    """The pools that download contents, and their results.

    Args:
        bringer: Downloads one content.
        seen: Records files with the right hash.
        report: Called for each complete repository.
        outcome: Counts downloads and collects failures.
    """

    def __init__(self, bringer: Bringer, seen: Seen, report: Report, outcome: Outcome) -> None:
        self._bringer = bringer
        self._seen = seen
        self._report = report
        self._outcome = outcome
        self._hopeless = Hopeless()
        self._done: SimpleQueue[Future[int]] = SimpleQueue()
        self._running: dict[Future[int], tuple[Content, Waiting]] = {}
        self._tries: Counter[Content] = Counter()
        self._left: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def bring(self, jobs: Sequence[Job], assets: Sequence[Asset]) -> None:
        """Download all contents; a full or broken disk ends the fetch, other failures end a file or a repository.

        Raises:
            XetStalledError: Xet received nothing for a while.
            ModelgenError: The disk failed.
        """
        self._left.update(job.checkout.repo for job in jobs)
        large = Waiting(in_order([job for job in jobs if job.file.size >= LARGE]), _LARGE_AT_ONCE)
        small = Waiting([*in_order([job for job in jobs if job.file.size < LARGE]), *assets], _SMALL_AT_ONCE)
        pool = ThreadPoolExecutor(MOST_AT_ONCE)
        try:
            self._collect(pool, (large, small))
        finally:
            # Threads that hang in a dead transfer remain until the process ends.
            pool.shutdown(wait=False, cancel_futures=True)

    def _collect(self, pool: ThreadPoolExecutor, queues: Sequence[Waiting]) -> None:
        while True:
            for queue in queues:
                while (content := queue.next()) is not None:
                    self._start(pool, content, queue)
            if not self._running and all(queue.is_empty for queue in queues):
                return
            try:
                future = self._done.get(timeout=min(1.0, *(queue.seconds for queue in queues)))
            except Empty:
                pass
            else:
                content, queue = self._running.pop(future)
                queue.leave()
                self._take(future, content, queue, queues)
            if self._bringer.is_stalled():
                raise XetStalledError("nothing came through Xet for a while")

    def _start(self, pool: ThreadPoolExecutor, content: Content, queue: Waiting) -> None:
        if isinstance(content, Job):
            future = pool.submit(self._bringer.bring, content)
        else:
            future = pool.submit(self._bringer.bring_asset, content)
        self._running[future] = content, queue
        future.add_done_callback(self._done.put)

    def _take(self, future: Future[int], content: Content, queue: Waiting, queues: Sequence[Waiting]) -> None:
        try:
            size = future.result()
        except PassingError as error:
            if not (isinstance(content, Job) and self._goes_on(content, error.reason, queue)):
                self._fail(content, error.reason, queues)
            return
        except Exception as error:  # noqa: BLE001 - `explain` knows them
            self._fail(content, error, queues)
            return
        self._outcome.bytes += size
        self._outcome.files += len(content.places) if isinstance(content, Job) else 1
        if isinstance(content, Job):
            self._hopeless.came(content.checkout.repo)
            self._release(content, queues)
            note(self._seen, content.places)
            self._count(content, size)

    def _goes_on(self, job: Job, reason: BaseException, queue: Waiting) -> bool:
        """Queue a content for its next try, or behind others of its repository; return False after its last try."""
        repo = job.checkout.repo
        if self._hopeless.has(repo):
            return False
        if not self._hopeless.is_probe(job):
            queue.hold(repo, [job])
            return True
        self._tries[job] += 1
        if self._tries[job] >= client.TRIES:
            return False
        queue.put_off(job, self._bringer.wait_for(job, reason, self._tries[job] - 1))
        return True

    def _release(self, job: Job, queues: Sequence[Waiting]) -> None:
        for queue in queues:
            queue.release(job.checkout.repo)

    def _fail(self, content: Content, error: BaseException, queues: Sequence[Waiting]) -> None:
        failure = explain(self._bringer.session, error, content)
        if error_kinds.is_of_disk(error):
            raise failure from error
        self._outcome.failures.append(failure)
        if not isinstance(content, Job):
            return
        given_up = self._hopeless.failed(content, failure, is_silent=error_kinds.is_of_way(error))
        if not self._hopeless.is_probed(content.checkout.repo):
            self._release(content, queues)
        for other in [one for repo in given_up for queue in queues for one in queue.give_up(repo)]:
            self._outcome.failures.append(explain(self._bringer.session, error, other))

    def _count(self, job: Job, size: int) -> None:
        """Report a repository when its last content is there; one with a failure is never complete."""
        repo = job.checkout.repo
        self._left[repo] -= 1
        self._files[repo] += len(job.places)
        self._bytes[repo] += size
        if not self._left[repo]:
            self._report(Completed(repo, self._files[repo], self._bytes[repo]))
