"""Define the location of a content, and the settings of its download over plain HTTP."""

from __future__ import annotations

import ssl
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub.connection.answers import WrongAnswerError, title_of

if TYPE_CHECKING:
    import http.client
    import threading
    from collections.abc import Callable

    from modelgen.hub.fetching.ranges.lanes import Lanes
    from modelgen.hub.fetching.ranges.pace import Pace


@dataclass(frozen=True)
class Location:
    """The location of a content.

    Args:
        url: The address, which may be signed and expire.
        authorization: The Authorization header, only for the hub's own host.
    """

    url: str = field(repr=False)
    authorization: str | None = field(repr=False)


class Opener:
    """Opens http and https addresses through the environment's proxies and certificates.

    Args:
        agent: Value of the User-Agent header.
        timeout: Seconds without data after which a connection counts as dead.
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
        """Return the answer to a request for the bytes from `first` on, up to `stop` if given."""
        request = urllib.request.Request(location.url)  # noqa: S310 - only http and https have a handler
        if location.authorization:
            # An unredirected header is not sent to the target of a redirect.
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
    """The settings of one download.

    Args:
        opener: Opens addresses.
        locate: Returns the location; called again when a signed address has expired.
        is_transient: Returns whether an error is temporary.
        wait: Waits before another try, given the error and the number of tries without a byte.
        advanced: Called with the number of bytes that arrived, or were discarded.
        damaged: Called when a complete file has a wrong hash.
        stop: Set when the whole fetch ends.
        lanes: Limits the connections of each host.
        pace: Limits the rate.
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
