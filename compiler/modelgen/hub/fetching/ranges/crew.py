"""Run the connections that download one file: a first one, and more while they raise the rate."""

from __future__ import annotations

import threading
import time
import urllib.error
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelgen.files import ModelgenError
from modelgen.hub.fetching.ranges.writer import Writer

if TYPE_CHECKING:
    import http.client

    from modelgen.hub.fetching.ranges.part import Part
    from modelgen.hub.fetching.ranges.transfer import Location, Transfer

_TRIES = 6
_EXPIRED = (401, 403)
# Seconds between two checks of a thread that waits for others, and seconds that a host may lag.
_LOOK = 0.2


class NoRangesError(ModelgenError):
    """A server did not answer with the requested range."""


class Crew:
    """The connections to one content.

    The first one waits, retries, renews the address and gives up, as if it were alone. A further one ends at any error;
    the first one downloads what it left.
    """

    def __init__(self, transfer: Transfer, part: Part) -> None:
        self._transfer = transfer
        self._part = part
        self._guard = threading.Lock()
        self._location = transfer.locate()
        self._lane = transfer.lanes.to(urlsplit(self._location.url).hostname or "")
        self._dismissed = threading.Event()
        self._further: list[threading.Thread] = []

    def fill(self) -> None:
        """Receive until the part is full.

        Raises:
            InterruptedError: The fetch was stopped.
            Exception: An error of the disk, or of the network after all tries.
        """
        self._lane.enter(self._transfer.stop)
        try:
            with Writer(self._part) as writer:
                self._see_through(writer)
        finally:
            self._dismiss()
            self._lane.leave()

    def _see_through(self, writer: Writer) -> None:
        fruitless = 0
        while not self._part.is_full:
            if not writer.claim():  # other connections have the rest
                self._look_for_stop()
                self._part.wait(_LOOK)
                continue
            before, location = writer.position, self._location
            try:
                self._receive(writer, location, is_first=True)
                writer.release()
                fruitless = 0
            except Exception as error:
                fruitless = 0 if writer.position > before else fruitless + 1
                writer.release()
                is_expired = isinstance(error, urllib.error.HTTPError) and error.code in _EXPIRED
                if fruitless >= _TRIES or not (self._transfer.is_transient(error) or (is_expired and fruitless < 2)):
                    raise
                self._transfer.wait(error, fruitless)
                self._renew(location)

    def _help(self) -> None:
        """Run a further connection."""
        try:
            with Writer(self._part) as writer:
                self._help_by(writer)
        except (urllib.error.HTTPError, NoRangesError):
            self._lane.close()
        except Exception:  # noqa: BLE001 - whatever it is, the first connection meets it too and says so
            self._lane.lost()
        finally:
            self._lane.quit()

    def _help_by(self, writer: Writer) -> None:
        is_renewed = False
        while not (self._dismissed.is_set() or self._lane.is_crowded) and writer.claim():
            location = self._location
            try:
                self._receive(writer, location, is_first=False)
                is_renewed = False
            except urllib.error.HTTPError as error:
                if error.code not in _EXPIRED or is_renewed:
                    raise
                self._renew(location)
                is_renewed = True
            writer.release()

    def _renew(self, location: Location) -> None:
        """Renew the address, unless another connection has done so meanwhile."""
        with self._guard:
            if self._location is location:
                self._location = self._transfer.locate()

    def _receive(self, writer: Writer, location: Location, *, is_first: bool) -> None:
        """Receive one answer: a range, or, for a single connection, the rest of the file."""
        # After there were others, ranges are requested one by one: data after an early end would be wasted.
        is_alone = is_first and not self._further and not self._lane.is_shared
        stop = writer.reach if is_alone else writer.stop
        asked = time.monotonic()
        with self._transfer.opener.open(location, writer.position, stop) as answer:
            if stop is not None or writer.position:
                self._check_range(answer, writer, is_first=is_first)
            if self._part.size is None:
                self._part.size = writer.position + _length(answer)
            left, goes_on = answer.length, is_alone or answer.status == 200
            while self._has_room(writer, goes_on=goes_on):
                self._look_for_stop()
                if self._dismissed.is_set() and not is_first:
                    return
                room = writer.room[: self._transfer.pace.step]
                count = _read_some(answer, room[:left])
                waited = time.monotonic() - asked
                if not count:
                    raise ConnectionResetError("the connection ended early")
                writer.take(count)
                left = None if left is None else left - count
                self._transfer.pace.spend(count)
                if self._lane.came(count, waited) and self._part.has_gap and self._lane.join():
                    self._add()
                asked = time.monotonic()
        if left:
            # Other connections have the rest. The host notices a moment later that this answer is not read to its end,
            # and counts this connection until then.
            self._transfer.stop.wait(_LOOK)

    def _has_room(self, writer: Writer, *, goes_on: bool) -> bool:
        return writer.stop is None or writer.position < writer.stop or (goes_on and writer.extend())

    def _check_range(self, answer: http.client.HTTPResponse, writer: Writer, *, is_first: bool) -> None:
        """Restart the file if a server or proxy does not support ranges.

        Raises:
            NoRangesError: The file cannot be restarted with this answer.
        """
        if answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {writer.position}-"):
            return
        if not is_first:
            raise NoRangesError("the server does not support ranges")
        self._lane.close()
        self._dismiss()
        if writer.position or answer.status == 206:
            writer.restart()
        if answer.status == 206:
            raise ConnectionResetError("the server answered with another range")

    def _add(self) -> None:
        thread = threading.Thread(target=self._help, name="modelgen-range", daemon=True)
        self._further = [*(one for one in self._further if one.is_alive()), thread]
        thread.start()

    def _dismiss(self) -> None:
        """End the further connections, and wait for them."""
        self._dismissed.set()
        while any(one.is_alive() for one in self._further) and not self._transfer.stop.is_set():
            for one in self._further:
                one.join(_LOOK)

    def _look_for_stop(self) -> None:
        if self._transfer.stop.is_set():
            raise InterruptedError


def _read_some(answer: http.client.HTTPResponse, room: memoryview) -> int:
    """Return the data that has arrived, without waiting for more, which would be lost with the connection."""
    return answer.readinto1(room) if answer.chunked else answer.fp.readinto1(room)


def _length(answer: http.client.HTTPResponse) -> int:
    """Return the size of a body, if the lock does not have it."""
    if answer.length is None:
        raise ModelgenError(f"{urlsplit(answer.url).hostname} does not send its size")
    return answer.length
