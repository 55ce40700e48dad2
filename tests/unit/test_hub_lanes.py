"""How many connections a host gets: more while they pay, never more than eight, and fewer where they do not."""

from __future__ import annotations

import threading

import pytest

from modelgen.hub.fetching.ranges.lanes import MOST, Lane


class Host:
    """A host on a clock of its own, which gives each connection `each` bytes a second, and all together `most`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, each: float, most: float = float("inf")) -> None:
        self.now = 0.0
        monkeypatch.setattr("modelgen.hub.fetching.ranges.lanes.time.monotonic", lambda: self.now)
        self.lane = Lane()
        self.each, self.most = each, most
        self.stop = threading.Event()
        self.further = 0

    def run(self, firsts: int, seconds: float, waiting: float = 1.0) -> int:
        """Receive for a while, with as many connections as may be; return the most that there were."""
        seen = 0
        for _ in range(int(seconds * 10)):
            self.now += 0.1
            count = firsts + self.further
            seen = max(seen, count)
            may = self.lane.came(int(min(self.each * count, self.most) * 0.1), 0.1 * count * waiting)
            while may and self.lane.join():
                self.further += 1
            while self.further and self.lane.is_crowded:
                self.lane.quit()
                self.further -= 1
        return seen


@pytest.mark.parametrize("firsts", [1, 2, 3, 4])
def test_eight_where_each_pays(monkeypatch: pytest.MonkeyPatch, firsts: int) -> None:
    host = Host(monkeypatch, each=1e7)
    for _ in range(firsts):
        host.lane.enter(host.stop)
    assert host.run(firsts, seconds=10) == firsts + host.further == MOST


def test_no_more_than_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch, each=1e7, most=2e7)
    host.lane.enter(host.stop)
    host.run(1, seconds=10)
    assert host.further == 1


def test_one_where_this_host_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch, each=1e7)
    host.lane.enter(host.stop)
    assert host.run(1, seconds=10, waiting=0.5) == 1


def test_one_where_a_further_one_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch, each=1e7)
    host.lane.enter(host.stop)
    host.run(1, seconds=10)
    host.lane.close()
    host.run(1, seconds=100)
    assert host.further == 0


def test_one_less_after_one_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch, each=1e7)
    host.lane.enter(host.stop)
    host.run(1, seconds=10)
    before = host.further
    host.lane.lost()
    host.lane.quit()
    host.further -= 1
    host.run(1, seconds=5)
    assert host.further in (before - 1, before - 2)


def test_another_file_takes_the_place_of_a_further_connection() -> None:
    lane, stop = Lane(), threading.Event()
    for _ in range(MOST):
        lane.enter(stop)
    entered = threading.Event()

    def enter() -> None:
        lane.enter(stop)
        entered.set()

    threading.Thread(target=enter, daemon=True).start()
    assert not lane.join()
    lane.leave()
    assert entered.wait(10)


def test_nobody_waits_for_a_place_when_the_fetch_has_ended() -> None:
    lane, stop = Lane(), threading.Event()
    for _ in range(MOST):
        lane.enter(stop)
    stop.set()
    with pytest.raises(InterruptedError):
        lane.enter(stop)
