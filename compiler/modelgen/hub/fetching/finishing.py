"""Finish a fetch: complete the snapshots, sync them to disk, and write their refs."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError, was_reading
from modelgen.hub.cache import publishing
from modelgen.hub.cache.hashing import in_parallel
from modelgen.hub.cache.small_files import is_there
from modelgen.hub.connection import client, error_kinds, sentences
from modelgen.hub.fetching.session import models_of
from modelgen.hub.fetching.trust import unreadable

if TYPE_CHECKING:
    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.connection.client import Connection
    from modelgen.hub.fetching.planning import Plan
    from modelgen.hub.fetching.run import Run

AT_ONCE = 8


def finish(run: Run, missing: Plan, connection: Connection | None, reused: set[int]) -> None:
    """Complete each snapshot with the client, sync it, and write its refs.

    Args:
        run: Collects failures.
        missing: The plan.
        connection: The connection to the hub; None if nothing was downloaded.
        reused: The ids of the checkouts that got contents without a download.

    Raises:
        OSError: The hub directory cannot be written.
    """
    touched = {id(checkout) for job in missing.jobs for checkout, _ in job.places}
    stale = {id(checkout) for checkout in missing.stale} | reused

    def finish_one(checkout: Checkout) -> ModelgenError | None:
        if not _is_whole(checkout):
            return None
        is_new = id(checkout) in touched and connection is not None
        try:
            if is_new and connection is not None and (failure := _complete(checkout, connection)) is not None:
                return failure
            if is_new or id(checkout) in stale:
                publishing.finish(checkout, takes_names=is_new)
        except PermissionError as error:
            if error.filename is None or not was_reading(error, error.filename):
                raise
            return unreadable(checkout, [Path(error.filename)])
        return None

    kept = run.kept
    failures = in_parallel(finish_one, kept, AT_ONCE)
    run.outcome.has_whole = any(map(_is_whole, kept))
    run.outcome.failures += [failure for failure in failures if failure is not None]


def _is_whole(checkout: Checkout) -> bool:
    return all(is_there(checkout.pointer(file), file.size) for file in checkout.files.values())


def _complete(checkout: Checkout, connection: Connection) -> ModelgenError | None:
    """Let the official client complete the layout; it adds what modelgen's downloads left out.

    Raises:
        OSError: The disk failed.
    """
    from huggingface_hub import snapshot_download

    try:
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
    except Exception as error:
        if error_kinds.is_of_disk(error):
            raise
        return sentences.explain(error, connection, model=models_of(checkout), repo=checkout.repo)
    return None
