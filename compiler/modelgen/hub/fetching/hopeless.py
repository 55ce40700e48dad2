"""Give up downloads that cannot succeed: the rest of a failed repository or of a silent hub."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.failures import HubError

if TYPE_CHECKING:
    from modelgen.hub.fetching.planning import Job

# Files that fail for one reason, after all tries of each, with none that comes in between.
_OF_REPOSITORY = 3
# Repositories that nobody answers for, with nothing that comes in between.
_OF_HUB = 8


class Hopeless:
    """Counts failures that follow each other."""

    def __init__(self) -> None:
        self._reasons: dict[str, Counter[str]] = {}
        self._probes: dict[str, set[Job]] = {}
        self._ended: set[Job] = set()
        self._repositories: set[str] = set()
        self._silent: set[str] = set()

    def has(self, repo: str) -> bool:
        """Return whether a repository was given up."""
        return repo in self._repositories

    def is_probe(self, job: Job) -> bool:
        """Return whether a content, of which a try has failed, is to find out how its repository does.

        Few are enough for that; all others of the repository wait for what becomes of them.
        """
        probes = self._probes.setdefault(job.checkout.repo, set())
        if len(probes) < _OF_REPOSITORY:
            probes.add(job)
        return job in probes

    def is_probed(self, repo: str) -> bool:
        """Return whether it is still to be found out how a repository does."""
        return repo in self._probes

    def came(self, repo: str) -> None:
        """Note that a file of a repository has come."""
        self._reasons.pop(repo, None)
        self._probes.pop(repo, None)
        self._silent.clear()

    def failed(self, job: Job, failure: ModelgenError, *, is_silent: bool) -> list[str | None]:
        """Note that a file has failed, and return which repository to give up; None stands for all of them.

        Args:
            job: The file.
            failure: What went wrong. Only a cause in the world holds for other files of the repository too.
            is_silent: Whether nobody answered.
        """
        repo = job.checkout.repo
        self._ended.add(job)
        if self._probes.get(repo, set()) <= self._ended:
            self._probes.pop(repo, None)
        if not isinstance(failure, HubError) or failure.exit_code != ModelgenError.exit_code:
            return []
        if is_silent:
            self._silent.add(repo)
        if len(self._silent) >= _OF_HUB:
            return [None]
        reasons = self._reasons.setdefault(repo, Counter())
        reasons[failure.reason] += 1
        if reasons[failure.reason] >= _OF_REPOSITORY:
            self._repositories.add(repo)
        return [repo] if self.has(repo) else []
