"""Choose the message for a file that cannot be downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelgen.files import ModelgenError, was_reading
from modelgen.hub import error_kinds, sentences
from modelgen.hub.fetching.ranged import DamagedError
from modelgen.hub.fetching.session import models_of
from modelgen.hub.layout import asset_path
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
