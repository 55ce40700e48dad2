"""Where a content is, and how to get it over plain HTTP."""

from __future__ import annotations

import ssl
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub.answers import WrongAnswerError, title_of

if TYPE_CHECKING:
    import http.client
    import threading
    from collections.abc import Callable

    from modelgen.hub.fetching.lanes import Lanes
    from modelgen.hub.fetching.pace import Pace


@dataclass(frozen=True)
class Location:
    """Where a content is.

    Args:
        url: Address, which may be signed and expire.
        authorization: Value of the header of that name, for the hub's own host alone.
    """

    url: str = field(repr=False)
    authorization: str | None = field(repr=False)


class Opener:
    """Opens addresses through the environment's proxies and certificates; http and https alone, whatever a server says.

    Args:
        agent: Value of the User-Agent header.
        timeout: Seconds without a byte after which a connection counts as dead.
    """

    def __init__(self, agent: str, timeout: float) -> None:
        self._timeout = timeout
        self._director = urllib.request.OpenerDirector()
        self._director.addheaders = [("User-Agent", agent), ("Accept-Encoding", "identity")]
        for handler in (
            urllib.request.ProxyHandler(_proxies()),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._director.add_handler(handler)

    def open(self, location: Location, first: int, stop: int | None = None) -> http.client.HTTPResponse:
        """Return the answer to a request for the bytes from `first` on, up to `stop` where that is given."""
        request = urllib.request.Request(location.url)  # noqa: S310 - only http and https have a handler
        if location.authorization:
            # Unredirected: it is not sent on to where a redirect leads.
            request.add_unredirected_header("Authorization", location.authorization)
        if first or stop is not None:
            request.add_header("Range", f"bytes={first}-{'' if stop is None else stop - 1}")
        answer: http.client.HTTPResponse = self._director.open(request, timeout=self._timeout)
        if answer.headers.get_content_type() == "text/html":
            with answer:
                raise WrongAnswerError(answer.url, f"a web page{title_of(answer.read(2**16))}")
        return answer


def _proxies() -> dict[str, str]:
    """Return the environment's proxies by scheme, as the official client reads them: ALL_PROXY is for both."""
    found = urllib.request.getproxies()
    every = found.get("all")
    return {**found, **{scheme: every for scheme in ("http", "https") if every and scheme not in found}}


@dataclass(frozen=True)
class Transfer:
    """How to get one content.

    Args:
        opener: Through what.
        locate: Asks where it is; again when a signed address has expired.
        is_transient: Whether an error may pass.
        wait: Waits before another try, given the error and the number of tries without a byte.
        advanced: Told how many bytes came, or were given up.
        damaged: Told when it came whole with a wrong hash.
        stop: Set when the whole fetch ends.
        lanes: How many connections each host gets.
        pace: How fast bytes may come.
    """

    opener: Opener
    locate: Callable[[], Location]
    is_transient: Callable[[BaseException], bool]
    wait: Callable[[BaseException, int], None]
    advanced: Callable[[int], None]
    damaged: Callable[[], None]
    stop: threading.Event
    lanes: Lanes
    pace: Pace
