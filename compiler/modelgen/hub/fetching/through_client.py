"""Download a file through the official client, then check its hash."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Self

from modelgen import __version__
from modelgen.hub.cache import publishing
from modelgen.hub.cache.hashing import is_intact
from modelgen.hub.cache.small_files import is_there
from modelgen.hub.connection import error_kinds
from modelgen.hub.fetching.directly import bring_directly, lacks_headers
from modelgen.hub.fetching.ranges.ranged import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.fetching.session import Session
    from modelgen.lockfile.entries import File

SMALL = 1_000_000
"""Files below this size are downloaded by one request, and not through Xet."""
_SLOW = 5.0
"""Seconds for a small file that indicate an overloaded server: half of the client's timeout."""


class PassingError(Exception):
    """A try has failed, and another may succeed later.

    Args:
        reason: The cause.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def bring_through_client(session: Session, checkout: Checkout, file: File, *, is_xet: bool) -> None:
    """Let the client download a file to its place, in one try; a damaged file is fetched once more.

    Args:
        session: The session.
        checkout: The checkout of the file.
        file: The file.
        is_xet: Whether the client uses Xet for it.

    Raises:
        PassingError: A later try may succeed. Waiting for it takes neither a slot nor a thread.
        DamagedError: It arrived damaged twice.
        Exception: Any error of client, network and disk.
    """
    for is_last in (False, True):
        with session.through_xet() if is_xet else contextlib.nullcontext(), session.limit.slot() as begun:
            if session.stop.is_set():
                raise InterruptedError
            come, is_hashed = _try(session, checkout, file, begun)
        if is_hashed or _is_right(checkout, file):
            session.count(checkout.repo, file.path, file.size - come)
            return
        publishing.discard(checkout, file)
        session.count(checkout.repo, file.path, -come)
        if not is_last:
            session.notice_damage(checkout.repo, file.path)
    raise DamagedError("its content is not what models.lock says")


def _is_right(checkout: Checkout, file: File) -> bool:
    pointer = checkout.pointer(file)
    if not (is_there(pointer, file.size) and is_intact(pointer, file)):
        return False
    publishing.open_and_sync(pointer)  # while others are downloaded
    return True


def _try(session: Session, checkout: Checkout, file: File, begun: float) -> tuple[int, bool]:
    """Download a file, with a new address if the signed one has expired, and record the server's load.

    Returns:
        The number of reported bytes, and whether the hash was checked and right.
    """
    try:
        result = _download(session, checkout, file)
    except Exception as error:
        if error_kinds.is_overload(error):
            session.limit.is_overloaded(checkout.repo, begun)
        if error_kinds.is_transient(error) and not (_is_tried(error) and not _is_direct(session, file)):
            raise PassingError(error) from error
        raise
    if file.size < SMALL and time.monotonic() - begun > _SLOW:
        session.limit.is_overloaded(checkout.repo, begun)
    else:
        session.limit.is_fine()
    return result


def _download(session: Session, checkout: Checkout, file: File) -> tuple[int, bool]:
    try:
        return _download_once(session, checkout, file)
    except Exception as error:
        if not _is_expired(session, error):
            raise
        return _download_once(session, checkout, file)


def _is_expired(session: Session, error: BaseException) -> bool:
    """Return whether a delivery network refused a signed address; a new one may work."""
    address = str(getattr(getattr(error, "response", None), "url", ""))
    return bool(address) and not session.is_of_hub(address) and error_kinds.status_of(error) in (401, 403)


def _is_tried(error: BaseException) -> bool:
    """Return whether the client has already retried a stalled transfer itself."""
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    return isinstance(error, httpx.TimeoutException)


def _is_direct(session: Session, file: File) -> bool:
    """Return whether a file is downloaded without the client.

    The client sends two requests for headers before the file; the lock has everything in them.
    """
    return file.sha256 is None or file.size < SMALL or session.is_bare


def _download_once(session: Session, checkout: Checkout, file: File) -> tuple[int, bool]:
    if not _is_direct(session, file):
        try:
            return _ask_client(session, checkout, file), False
        except Exception as error:
            session.is_bare |= lacks_headers(error)
            if not session.is_bare and not error_kinds.is_of_length(error):
                raise
    return 0, bring_directly(session, checkout, file)


def _ask_client(session: Session, checkout: Checkout, file: File) -> int:
    """Let the client download a file, and return the number of reported bytes."""
    from huggingface_hub import hf_hub_download

    come = 0

    def advanced(count: int) -> None:
        nonlocal come
        come += count
        session.count(checkout.repo, file.path, count)
        session.pace.spend(count)

    try:
        hf_hub_download(
            checkout.repo,
            file.path,
            revision=checkout.commit,
            cache_dir=session.hub,
            endpoint=session.connection.endpoint,
            token=session.connection.token,
            library_name="modelgen",
            library_version=__version__,
            tqdm_class=bar_class(advanced),
        )
    except Exception:
        session.count(checkout.repo, file.path, -come)  # the next try counts from the beginning
        raise
    return come


def bar_class(advanced: Callable[[int], None]) -> Any:  # noqa: ANN401 - the client wants a class that mimics tqdm's
    """Return a class for the client's `tqdm_class` that calls `advanced` with the number of bytes."""

    class Bar:
        def __init__(self, *_: Any, **options: Any) -> None:  # noqa: ANN401 - tqdm's signature
            self.total = options.get("total")
            self.n = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, count: float | None = 1) -> None:
            advanced(int(count or 0))

        def __getattr__(self, _: str) -> Callable[..., None]:
            """Accept every other method, which only concerns the display: refresh, close, set_postfix_str."""
            return lambda *_, **__: None

    return Bar
