"""Queue files that wait for a free thread or for the time of their next try."""

from __future__ import annotations

import heapq
import time
from collections import Counter, deque
from itertools import count
from typing import TYPE_CHECKING

from modelgen.hub.fetching.planning import Job
from modelgen.lockfile.entries import Asset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Content = Job | Asset


class Waiting:
    """A queue for a number of threads. Contents that wait for their next try occupy none.

    Args:
        contents: The contents in their order.
        most: The maximum number of concurrent downloads.
    """

    def __init__(self, contents: Iterable[Content], most: int) -> None:
        self._ready = deque(contents)
        self._later: list[tuple[float, int, Content]] = []
        self._held: dict[str, list[Content]] = {}
        self._number = count()
        self._free = most

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return not (self._ready or self._later or any(self._held.values()))

    @property
    def seconds(self) -> float:
        """Seconds until the next waiting content is due."""
        return max(self._later[0][0] - time.monotonic(), 0.0) if self._later and self._free else float("inf")

    def next(self) -> Content | None:
        """Return the next content for a free thread, retries first; None if there is no free thread or no content."""
        if not self._free:
            return None
        if self._later and self._later[0][0] <= time.monotonic():
            self._free -= 1
            return heapq.heappop(self._later)[2]
        while self._ready:
            content = self._ready.popleft()
            if (held := self._held.get(_repo_of(content))) is None:
                self._free -= 1
                return content
            held.append(content)
        return None

    def leave(self) -> None:
        """Record that a thread is free again."""
        self._free += 1

    def put_off(self, content: Content, seconds: float) -> None:
        """Delay a content until its next try."""
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._number), content))

    def hold(self, repo: str, contents: Iterable[Content] = ()) -> None:
        """Hold the contents of a repository until its probes have a result."""
        self._held.setdefault(repo, []).extend(contents)

    def release(self, repo: str) -> None:
        """Release the held contents of a repository."""
        self._ready.extendleft(reversed(self._held.pop(repo, [])))

    def give_up(self, repo: str | None) -> list[Content]:
        """Remove and return the waiting contents of one repository, or of all repositories of the hub."""

        def is_meant(content: Content) -> bool:
            return isinstance(content, Job) and repo in (None, content.checkout.repo)

        for held in [*self._held] if repo is None else [repo]:
            self.release(held)
        given_up = [content for content in self._ready if is_meant(content)]
        given_up += [content for *_, content in self._later if is_meant(content)]
        self._ready = deque(content for content in self._ready if not is_meant(content))
        self._later = [entry for entry in self._later if not is_meant(entry[2])]
        heapq.heapify(self._later)
        return given_up


def _repo_of(content: Content) -> str:
    return content.checkout.repo if isinstance(content, Job) else ""


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Return jobs grouped by repository, the one with most to download first."""
    sizes: Counter[str] = Counter()
    for job in jobs:
        sizes[job.checkout.repo] += job.file.size - job.have
    return sorted(jobs, key=lambda job: (-sizes[job.checkout.repo], job.checkout.repo, -job.file.size))
