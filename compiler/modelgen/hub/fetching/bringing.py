"""Choose how one file is downloaded: by the official client, by one request, or by ranges."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING

from modelgen import __version__
from modelgen.files import InputError, ModelgenError
from modelgen.hub.cache import publishing
from modelgen.hub.cache.aside import set_aside
from modelgen.hub.cache.hashing import is_intact
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.cache.layout import asset_path
from modelgen.hub.cache.modes import open_up
from modelgen.hub.cache.small_files import is_there
from modelgen.hub.connection import client, error_kinds
from modelgen.hub.connection.proxies import is_through_socks
from modelgen.hub.fetching.events import Advanced, Finished, Started
from modelgen.hub.fetching.explaining import explain
from modelgen.hub.fetching.planning import Job, partial_path
from modelgen.hub.fetching.ranges.lanes import Lanes
from modelgen.hub.fetching.ranges.ranged import Content, bring
from modelgen.hub.fetching.ranges.transfer import Location, Opener, Transfer
from modelgen.hub.fetching.session import models_of
from modelgen.hub.fetching.through_client import SMALL, PassingError, bring_through_client
from modelgen.lockfile.repos import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from huggingface_hub.file_download import HfFileMetadata

    from modelgen.hub.fetching.session import Session
    from modelgen.lockfile.entries import Asset

LARGE = 100_000_000
"""Minimum size of a file that is downloaded by ranges over plain HTTP."""
_ELSEWHERE = "elsewhere"
_ASKED_AT_ONCE = 8
# A native transfer counts as dead after this many of the client's timeouts without data: a minute, by default.
_STALL = 6


class Bringer:
    """Downloads contents into one hub directory, several at once."""

    def __init__(self, session: Session) -> None:
        from huggingface_hub import constants
        from huggingface_hub.file_download import are_symlinks_supported

        self.session = session
        self._connection = session.connection
        self._has_xet = not constants.HF_HUB_DISABLE_XET and find_spec("hf_xet") is not None
        self._links = are_symlinks_supported(session.hub)
        self._opener = Opener(f"modelgen/{__version__}", timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        if session.pace.step is not None:
            # The client passes data on only after this many bytes, in one burst.
            constants.DOWNLOAD_CHUNK_SIZE = min(constants.DOWNLOAD_CHUNK_SIZE, max(session.pace.step, 2**14))
        self._has_locks = client.can_lock(session.hub / OWN_FOLDER)
        self._patience = _STALL * constants.HF_HUB_DOWNLOAD_TIMEOUT
        self._lanes = Lanes()
        self._known: dict[Job, HfFileMetadata] = {}
        self._started: set[Job] = set()
        self._unreachable: list[Exception] = []

    def check_access(self, jobs: Sequence[Job]) -> dict[tuple[str, str], ModelgenError]:
        """Request the headers of the largest file of each snapshot, which checks repository, commit and token.

        Returns:
            The errors, by repository and commit.
        """
        first: dict[tuple[str, str], Job] = {}
        for job in jobs:
            first.setdefault((job.checkout.repo, job.checkout.commit), job)
        pool = ThreadPoolExecutor(_ASKED_AT_ONCE)
        try:
            found = pool.map(self._try_metadata, first.values())
            return {key: error for key, error in zip(first, found, strict=True) if error is not None}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # an interrupt must not wait for threads

    def _try_metadata(self, job: Job) -> ModelgenError | None:
        if len(self._unreachable) >= _ASKED_AT_ONCE and not self._known:
            # No request was answered after all tries, so the others are not tried.
            return explain(self.session, self._unreachable[0], job)
        try:
            self._known[job] = self._metadata_at_last(job)
        except ModelgenError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the client raises many; `explain` knows them
            if error_kinds.status_of(error) is None:
                self._unreachable.append(error)
            return explain(self.session, error, job)
        return None

    def _metadata_at_last(self, job: Job) -> HfFileMetadata:
        """Request the headers of a file until they arrive or the fetch is stopped."""
        checkout, file = job.places[0]
        notice = self.session.noticing(checkout.repo, file.path)
        return client.attempt(lambda: self._metadata(job), on_wait=notice)

    def _metadata(self, job: Job) -> HfFileMetadata:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import HfFileMetadata

        checkout, file = job.places[0]
        repo, commit = checkout.repo, checkout.commit
        url = hf_hub_url(repo, file.path, revision=commit, endpoint=self._connection.endpoint)
        try:
            found = get_hf_file_metadata(url, token=self._connection.token, endpoint=self._connection.endpoint)
        except Exception as error:
            if error_kinds.status_of(error) not in (405, 501):
                raise
            return HfFileMetadata(None, None, url, None, None)  # a mirror without HEAD
        # An answer without a commit is not the hub's: a mirror redirects elsewhere, or a web page is in the way.
        if found.commit_hash is not None and found.size not in (None, file.size):
            raise InputError(
                f"{models_of(checkout)}: {file.path} of {repo} has {found.size:,} bytes at {commit[:12]}, "
                f"models.lock says {file.size:,}; run `modelgen lock --upgrade {' '.join(checkout.models)}`"
            )
        return found

    def bring(self, job: Job) -> int:
        """Download one content to all its places and return its bytes.

        Raises:
            PassingError: Another try may help; see `wait_for`.
            Exception: Any error of client, network and disk; `explaining.explain` formats it.
        """
        checkout, file = job.places[0]
        if job not in self._started:
            self._started.add(job)
            self.session.report(Started(checkout.repo, file.path, file.size, job.have))
        # Only large files can come through Xet; checked first, since the native transfer has to be watched.
        is_xet = self._has_xet and file.sha256 is not None and file.size >= SMALL and self._is_in_xet(job)
        is_ours = file.size >= LARGE and not is_xet and not is_through_socks(self._connection.endpoint)
        if is_ours or (file.sha256 is not None and not self._has_locks):
            self._bring_by_ranges(job)
        else:
            bring_through_client(self.session, checkout, file, is_xet=is_xet)
        self._share(job)
        for other, name in job.places:
            self.session.report(Finished(other.repo, name.path))
        return file.size

    def is_stalled(self) -> bool:
        """Return whether a Xet transfer has received nothing for a while: it hangs without an error."""
        return self.session.is_stalled(self._patience)

    def wait_for(self, job: Job, error: BaseException, number: int) -> float:
        """Return the seconds until the next try of a content, and report the wait."""
        checkout, file = job.places[0]
        seconds = client.pause(error, number)
        self.session.noticing(checkout.repo, file.path)(error, seconds)
        return seconds

    def _is_in_xet(self, job: Job) -> bool:
        try:
            if job not in self._known:
                self._known[job] = self._metadata(job)
        except Exception as error:
            if error_kinds.is_transient(error):
                raise PassingError(error) from error
            raise
        return bool(self._known[job].xet_file_data)

    def _metadata_of(self, job: Job) -> HfFileMetadata:
        if job not in self._known:
            self._known[job] = self._metadata_at_last(job)
        return self._known[job]

    def _bring_by_ranges(self, job: Job) -> None:
        checkout, file = job.places[0]
        blob, part = checkout.blob(file), partial_path(self.session.hub, checkout, file)
        if not (is_there(blob, file.size) and is_intact(blob, file)):
            make_folder(part.parent)
            transfer = self._transfer(checkout.repo, file.path, lambda: self._location(job))
            bring(transfer, Content(file.etag, file.size, part))
            publishing.place(part, checkout, file, links=self._links)

    def _share(self, job: Job) -> None:
        """Link or copy a content from its first place to all others."""
        checkout, file = job.places[0]
        blob = checkout.blob(file)
        content = blob if blob.exists() else checkout.pointer(file)
        for other in job.places[0 if content == blob else 1 :]:
            if self._links:
                publishing.link(*other)
            else:
                make_folder(other[0].pointer(other[1]).parent)
                shutil.copyfile(content, other[0].pointer(other[1]))

    def _location(self, job: Job) -> Location:
        """Return the location of a content. The hub's own host gets the token; a delivery network must not."""
        found, token = self._metadata_of(job), self._connection.token
        del self._known[job]  # requested again when the address has expired
        is_hub = self.session.is_of_hub(found.location)
        return Location(found.location, f"Bearer {token}" if is_hub and token else None)

    def bring_asset(self, asset: Asset) -> int:
        """Download a file that is on no hub, and return its bytes."""
        path = asset_path(self.session.hub, asset)
        if is_through_socks(asset.url):
            raise ModelgenError("a SOCKS proxy is not supported for it; set an HTTP proxy or NO_PROXY")
        self.session.report(Started(_ELSEWHERE, asset.name, asset.size or 0))
        make_folder(path.parent)
        part = path.with_name(f"{asset.name}.part")
        transfer = self._transfer(_ELSEWHERE, asset.name, lambda: Location(asset.url, None))
        bring(transfer, Content(asset.sha256, asset.size, part))
        open_up(part)
        set_aside(self.session.hub, path.relative_to(self.session.hub).as_posix())
        part.replace(path)
        publishing.sync_folders([path.parent])
        self.session.report(Finished(_ELSEWHERE, asset.name))
        return path.stat().st_size

    def _transfer(self, repo: str, name: str, locate: Callable[[], Location]) -> Transfer:
        asked = ""

        def located() -> Location:
            nonlocal asked
            location = locate()
            asked = location.url
            return location

        def wait(error: BaseException, number: int) -> None:
            seconds = client.pause(error, number)
            self.session.noticing(repo, name, lambda: asked)(error, seconds)
            self.session.stop.wait(seconds)

        def advanced(count: int) -> None:
            self.session.report(Advanced(repo, name, count))

        def damaged() -> None:
            self.session.notice_damage(repo, name)

        return Transfer(
            self._opener,
            located,
            error_kinds.is_transient,
            wait,
            advanced,
            damaged,
            self.session.stop,
            self._lanes,
            self.session.pace,
        )
