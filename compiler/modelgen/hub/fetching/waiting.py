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
    """A queue for a number of threads; whoever waits for a next try takes none of them.

    Args:
        contents: In the order in which they are to come.
        most: How many may come at once.
    """

    def __init__(self, contents: Iterable[Content], most: int) -> None:
        self._ready = deque(contents)
        self._later: list[tuple[float, int, Content]] = []
        self._held: dict[str, list[Content]] = {}
        self._number = count()
        self._free = most

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._ready or self._later or any(self._held.values()))

    @property
    def seconds(self) -> float:
        """How long nothing changes here by itself."""
        return max(self._later[0][0] - time.monotonic(), 0.0) if self._later and self._free else float("inf")

    def next(self) -> Content | None:
        """Return what a free thread is to bring, a next try first; None while there is no such thread or content."""
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
        """Note that a thread is free again."""
        self._free += 1

    def put_off(self, content: Content, seconds: float) -> None:
        """Let a content wait for its next try."""
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._number), content))

    def hold(self, repo: str, contents: Iterable[Content] = ()) -> None:
        """Let a repository, and what is given of it, wait until others have found out whether it makes sense."""
        self._held.setdefault(repo, []).extend(contents)

    def release(self, repo: str) -> None:
        """Let what was held of a repository come next."""
        self._ready.extendleft(reversed(self._held.pop(repo, [])))

    def give_up(self, repo: str | None) -> list[Content]:
        """Forget what waits of one repository, or of all that are at the hub, and return it."""

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
    """Return jobs so that one repository after the other becomes complete, the one with most to bring first."""
    sizes: Counter[str] = Counter()
    for job in jobs:
        sizes[job.checkout.repo] += job.file.size - job.have
    return sorted(jobs, key=lambda job: (-sizes[job.checkout.repo], job.checkout.repo, -job.file.size))
