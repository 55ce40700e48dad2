"""Choose the message for a file that cannot be downloaded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelgen.files import ModelgenError, was_reading
from modelgen.hub.cache.layout import asset_path
from modelgen.hub.connection import error_kinds, sentences
from modelgen.hub.connection.failures import HubError
from modelgen.hub.fetching.ranges.ranged import DamagedError
from modelgen.hub.fetching.session import models_of
from modelgen.lockfile.entries import Asset

if TYPE_CHECKING:
    from modelgen.hub.fetching.planning import Job
    from modelgen.hub.fetching.session import Session


def explain(session: Session, error: BaseException, job: Job | Asset) -> ModelgenError:
    """Return the error for a failed download of one content."""
    if isinstance(job, Asset):
        models, path = ", ".join(job.models), asset_path(session.hub, job)
        return ModelgenError(
            f"{models}: {job.name} does not download from {urlsplit(job.url).hostname}: {sentences.first_line(error)}; "
            f"run `modelgen fetch` again or copy it to {path}"
        )
    checkout, file = job.places[0]
    model = models_of(checkout)
    if error_kinds.is_of_disk(error) and isinstance(error, OSError):
        place, reason = error.filename2 or error.filename or session.hub, (error.strerror or "").lower()
        verb = "read" if was_reading(error, place) else "write"
        return ModelgenError(
            f"{model}: {checkout.repo}: {file.path}: cannot {verb} {place}: {reason}; fix that and run "
            "`modelgen fetch` again; downloads are kept"
        )
    if isinstance(error, DamagedError):
        return ModelgenError(
            f"{model}: {checkout.repo}: {file.path} arrived twice with a hash that differs from models.lock; "
            "a proxy or mirror between the hub and this host changes it"
        )
    return sentences.explain(
        error,
        session.connection,
        model=models_of(checkout),
        repo=checkout.repo,
        what=file.path,
        commit=checkout.commit,
    )


# Consecutive files that fail for one reason, after all tries, before the repository is given up.
_OF_REPOSITORY = 3
# Consecutive repositories without any answer before the hub is given up.
_OF_HUB = 8


class Hopeless:
    """Counts consecutive failures."""

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
        """Return whether a failed content is retried as a probe of its repository.

        Few probes are enough; the other contents of the repository wait for their results.
        """
        probes = self._probes.setdefault(job.checkout.repo, set())
        if len(probes) < _OF_REPOSITORY:
            probes.add(job)
        return job in probes

    def is_probed(self, repo: str) -> bool:
        """Return whether a repository is being probed."""
        return repo in self._probes

    def came(self, repo: str) -> None:
        """Record that a file of a repository was downloaded."""
        self._reasons.pop(repo, None)
        self._probes.pop(repo, None)
        self._silent.clear()

    def failed(self, job: Job, failure: ModelgenError, *, is_silent: bool) -> list[str | None]:
        """Record that a file has failed, and return the repositories to give up; None means all of them.

        Args:
            job: The file.
            failure: The error. An error in the user's files does not apply to other files of the repository.
            is_silent: Whether there was no answer.
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
