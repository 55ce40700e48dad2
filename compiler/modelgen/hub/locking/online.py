"""Look repositories up on the hub: one request for the files of each, few for config and weights."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub.connection import client, error_kinds, sentences
from modelgen.hub.connection.answers import DamagedAnswerError, raise_for_status, refuse_page
from modelgen.hub.locking.listing import (
    Facts,
    Pinned,
    choose_files,
    damaged_on_hub,
    files_to_read,
    make_entry,
    make_file,
)
from modelgen.hub.locking.repository import Repository, ask_repository
from modelgen.hub.snapshot import gguf, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from modelgen.hub.connection.client import Connection
    from modelgen.hub.locking.ask import Ask
    from modelgen.hub.snapshot.left_out import Choice
    from modelgen.lockfile.entries import File

_AT_ONCE = 24
_WAITS_SHOWN = 20
_PATIENCE = 20.0
"""Seconds without data after which a connection counts as dead."""


@dataclass(frozen=True)
class _Draft:
    """An entry whose last requests are still running."""

    ask: Ask
    info: Repository
    choice: Choice
    files: list[File]
    texts: dict[str, Future[bytes]]
    weights: list[Future[dict[str, int]]]
    headers: dict[str, Future[gguf.Header | None]]
    access: Future[None] | None

    def finish(self) -> Pinned:
        if self.access:
            self.access.result()
        sums: dict[str, int] = {}
        for future in self.weights:
            for dtype, count in future.result().items():
                sums[dtype] = sums.get(dtype, 0) + count
        texts = {path: future.result() for path, future in self.texts.items()}
        headers = {path: future.result() for path, future in self.headers.items()}
        facts = Facts(self.info.commit, self.info.license, self.info.gated, sums, texts, headers)
        sizes = {path: size for path, (size, *_) in self.info.files.items()}
        return make_entry(self.ask, self.choice, self.files, sizes, facts)


def look_up(
    connection: Connection, asks: Iterable[Ask], say: Callable[[str], None]
) -> list[tuple[Ask, Pinned | ModelgenError]]:
    """Return the entry from the hub for each of `asks`, or the error.

    Args:
        connection: The connection.
        asks: The repositories to look up.
        say: Called by several threads with messages about waits.
    """
    hub = _Hub(connection, say)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        infos: dict[tuple[str, str | None], Future[Repository]] = {}
        for ask in asks:
            if (spot := _spot(ask)) not in infos:
                infos[spot] = pool.submit(hub.info, ask)
        drafts = [(ask, _caught(partial(_draft, hub, pool, ask, infos[_spot(ask)]))) for ask in asks]
        return [(ask, draft if isinstance(draft, ModelgenError) else _caught(draft.finish)) for ask, draft in drafts]
    finally:
        # Not awaited: after Ctrl-C they may sleep for a minute, at the hub's request.
        pool.shutdown(wait=False, cancel_futures=True)


def find_repository(connection: Connection, ask: Ask, say: Callable[[str], None]) -> Repository:
    """Return the files of one repository on the hub, before any of them is chosen.

    Raises:
        ModelgenError: The hub does not answer, or does not give access to it.
    """
    return _Hub(connection, say).info(ask)


def _spot(ask: Ask) -> tuple[str, str | None]:
    return ask.want.repo, ask.commit or ask.want.revision


def _caught(call: Callable[[], client.T]) -> client.T | ModelgenError:
    try:
        return call()
    except ModelgenError as error:
        return error


def _draft(hub: _Hub, pool: ThreadPoolExecutor, ask: Ask, waited: Future[Repository]) -> _Draft:
    info = waited.result()
    choice = choose_files(ask, info.files)
    files = []
    for path in choice.kept:
        size, sha256, blob = info.files[path]
        files.append(make_file(ask, path, size, sha256=sha256, blob=None if sha256 else blob))
    texts = {file.path: pool.submit(hub.small_file, ask, info.commit, file) for file in files_to_read(ask, files)}
    shards = [file for file in files if file.path.endswith(weights.SUFFIX)]
    sums = [pool.submit(hub.weights, ask, info.commit, shard, choice) for shard in shards]
    parts = [file for file in files if file.path.endswith(gguf.SUFFIX)]
    headers = {part.path: pool.submit(hub.header, ask, info.commit, part) for part in parts}
    # The list of a gated repository is public; only a request for a file shows that it is closed.
    is_untried = info.gated and not texts and not sums and not headers
    access = pool.submit(hub.access, ask, info.commit, files[0]) if is_untried else None
    return _Draft(ask, info, choice, files, texts, sums, headers, access)


class _DamagedError(Exception):
    """A download has another hash than the hub announced."""


class _Hub:
    """The requests to the hub, with retries and with errors as sentences."""

    def __init__(self, connection: Connection, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._say = say
        self._waits: Counter[str] = Counter()
        # After several tries without an answer, the other repositories are not requested.
        self._down: dict[str, Exception] = {}

    def info(self, ask: Ask) -> Repository:
        revision = ask.commit or ask.want.revision
        call = partial(ask_repository, self._connection, ask.want.repo, revision)
        what = f"commit {ask.commit}" if ask.commit else f"revision {revision}" if revision else ""
        return self._attempt(lambda: self._twice(call, DamagedAnswerError, ask, "the list of its files"), ask, what)

    def access(self, ask: Ask, commit: str, file: File) -> None:
        """Try to read a file; mirrors do not support the hub's own request for access."""
        span = (0, min(file.size, 1))
        self._attempt(partial(_read_once, self._connection, ask.want.repo, commit, file.path, span), ask, file.path)

    def small_file(self, ask: Ask, commit: str, file: File) -> bytes:
        def read() -> bytes:
            data = self._read(ask, commit, file.path, 0, file.size)
            git_id = hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
            if file.etag not in (git_id, hashlib.sha256(data).hexdigest()):
                raise _DamagedError
            return data

        try:
            return self._twice(read, _DamagedError, ask, file.path)
        except _DamagedError as error:
            raise ModelgenError(
                f"{ask.about}: {file.path} arrived damaged twice; a proxy or mirror on the way changes it: "
                "try without a proxy or a mirror"
            ) from error

    def weights(self, ask: Ask, commit: str, file: File, choice: Choice) -> dict[str, int]:
        read = partial(self._read, ask, commit, file.path)
        try:
            return self._twice(lambda: weights.bytes_by_dtype(read, file.size), weights.BadWeightsError, ask, file.path)
        except weights.BadWeightsError as error:
            raise damaged_on_hub(ask, file.path, choice, error) from error

    def header(self, ask: Ask, commit: str, file: File) -> gguf.Header | None:
        """Return the header of a GGUF file; None if it cannot be read, which `modelgen fit` says."""
        try:
            return gguf.read_header(partial(self._read, ask, commit, file.path), file.size)
        except gguf.BadGgufError:
            return None

    def _twice(self, call: Callable[[], client.T], damage: type[Exception], ask: Ask, what: str) -> client.T:
        """Return the result of a call, repeated once if its data was damaged, possibly in transit."""
        try:
            return call()
        except damage:
            self._say(f"{ask.about}: {what} arrived damaged; reading it again")
            return call()

    def _read(self, ask: Ask, commit: str, path: str, start: int, stop: int) -> bytes:
        """Return some bytes of a file, such as the header of a shard of 5 GB."""
        if start == stop:
            return b""
        return self._attempt(
            partial(_read_once, self._connection, ask.want.repo, commit, path, (start, stop)), ask, path, "file"
        )

    def _attempt(self, call: Callable[[], client.T], ask: Ask, what: str, kind: str = "api") -> client.T:
        def on_wait(error: BaseException, seconds: float) -> None:
            status = error_kinds.status_of(error)
            reason = f"the hub answers {status}" if status else "the hub cannot be reached"
            self._waits[reason] += 1
            if self._waits[reason] <= _WAITS_SHOWN:
                self._say(f"{ask.about}: {reason}; trying again in {seconds:.1f} s")
            elif self._waits[reason] == _WAITS_SHOWN + 1:
                self._say(f"{reason}: more such waits are not shown")

        if (down := self._down.get(kind)) is not None:
            raise _explained(down, self._connection, ask, what) from down
        try:
            found = client.attempt(call, on_wait=on_wait)
        except Exception as error:
            if _is_silent(error):
                self._down[kind] = error
            raise _explained(error, self._connection, ask, what) from error
        self._down.pop(kind, None)
        return found


def _is_silent(error: Exception) -> bool:
    """Return whether there was no answer."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    kinds = (httpx.ConnectError, httpx.TimeoutException)
    return error_kinds.status_of(error) is None and any(isinstance(cause, kinds) for cause in error_kinds.causes(error))


def _explained(error: Exception, connection: Connection, ask: Ask, what: str) -> ModelgenError:
    from huggingface_hub.errors import RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError) and ask.commit is None:
        return InputError(f"{ask.about} has no {what}; correct `revision` in models.toml")
    model = ask.want.models[0] if ask.want.models else ""
    return sentences.explain(error, connection, model=model, repo=ask.want.repo, what=what)


def _read_once(connection: Connection, repo: str, commit: str, path: str, span: tuple[int, int]) -> bytes:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    start, stop = span
    url = hf_hub_url(repo, path, revision=commit, endpoint=connection.endpoint)
    headers = build_hf_headers(token=connection.token, library_name="modelgen")
    headers |= {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-{stop - 1}"} if stop else {})
    with get_session().stream("GET", url, headers=headers, timeout=_PATIENCE) as response:
        raise_for_status(response)
        refuse_page(response)
        # A server without support for ranges sends the whole file; the rest of it is not read.
        skipped = 0 if response.status_code == 206 else start
        data = bytearray()
        for block in response.iter_raw():
            data += block
            if len(data) >= skipped + stop - start:
                break
    return bytes(data[skipped : skipped + stop - start])
