"""A soak, opt-in: `MODELGEN_SOAK_SECONDS=600 pytest -m soak -s`.

Hostile clients of all kinds beside fifty well-behaved ones, over engines that print 40 MB/s, hang, die and leave
children behind, while models are switched, held and reloaded, and the orchestrator itself is killed again and again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from soak_engines import EXCLUSIVE, OPEN_FILES, Trouble, fleet
from soak_watch import Watch, descriptors

from runtime_serving import Served, spawn, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.timeout(0),
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
]

SECONDS = float(os.environ.get("MODELGEN_SOAK_SECONDS", "600"))
KILLS = (0.1, 0.2, 0.3, 0.5)  # of the whole time; the last orchestrator lives long enough to show what it gathers
MOST_MIB, MARGIN, LEAST_RATE = 150, 20, 10
PATIENCE = 330.0  # the longest that a request may take, with some room
HERE = Path(__file__).parent


class Soak:
    """An orchestrator that is killed and started again at the same place, and those who look at it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.deaths = folder, list[tuple[float, float]]()
        self._processes = [self._spawn(None)]
        self.served = Served(folder, self._processes[0], self.port)

    def _spawn(self, port: int | None) -> subprocess.Popen[str]:
        process, self.port = spawn(self.folder, fleet(self.folder, has_extra=True), port=port, open_files=OPEN_FILES)
        (self.folder / "next.pid").write_text(str(process.pid))
        (self.folder / "next.pid").replace(self.folder / "orchestrator.pid")
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("modelgen: serving on"), (self.folder / "orchestrator.log").read_text()[-3000:]
        return process

    def kill(self) -> None:
        """Kill the orchestrator, and start the next, which takes the engines over."""
        began = time.monotonic()
        self.served.process.kill()
        self.served.process.wait()
        self.served.process = self._spawn(self.port)
        self._processes.append(self.served.process)
        self.deaths.append((began, time.monotonic()))

    def end(self) -> None:
        """End the orchestrator as an operator does."""
        self.served.process.send_signal(signal.SIGTERM)
        self.served.process.wait(60)
        for process in self._processes:
            assert process.stdout is not None
            process.stdout.close()

    def run(self, script: str, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a script beside this one, which is to share no lock with it."""
        return subprocess.Popen([sys.executable, str(HERE / script), *map(str, arguments)])

    def is_quiet(self) -> bool:
        """Return whether nobody waits for anything any more."""
        return not any(one["running"] + one["waiting"] for one in self.served.ask("/models")[1]["models"])


@contextlib.contextmanager
def watching(soak: Soak) -> Iterator[None]:
    watch = soak.run("soak_watch.py", soak.folder)
    try:
        yield
        assert watch.poll() is None, "nobody has watched to the end"
    finally:
        watch.terminate()
        watch.wait(10)


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_soak(tmp_path: Path) -> None:
    soak = Soak(tmp_path)
    try:
        for model in ("big0", "flood", "small", "sleepy"):
            assert soak.served.chat(model)[0] == 200
        before = descriptors(soak.served.process.pid) or 0
        with watching(soak):
            live_through(soak)
            wait_for(soak.is_quiet, 60)
            with contextlib.suppress(AssertionError):  # it is said below
                wait_for(lambda: (descriptors(soak.served.process.pid) or 0) <= before + MARGIN, 60)
            after = descriptors(soak.served.process.pid) or 0
    finally:
        soak.end()
        left = Watch(str(tmp_path)).engines()
        for pid, *_ in left:
            os.kill(pid, signal.SIGKILL)
    faults = [*requests(soak), *memory_and_cards(soak), *log(soak)]
    print(f"descriptors: {before} before, {after} after")
    if after > before + MARGIN:
        faults.append(f"{after - before} descriptors more than at the start")
    if left:
        faults.append(f"left of engines: {left}")
    assert not faults, "\n".join(faults)


def live_through(soak: Soak) -> None:
    """Have everybody do their worst, and wait for the last answer."""
    end = time.monotonic() + SECONDS
    clients = soak.run("soak_clients.py", soak.port, end, soak.folder / "clients.jsonl")
    hostile = soak.run("soak_hostile.py", soak.port, end, soak.folder / "hostile.json")
    trouble = Trouble(soak.served, soak.folder)
    try:
        trouble.start()
        for share in (*KILLS, 1.0):
            time.sleep(max(0.0, end - SECONDS * (1 - share) - time.monotonic()))
            if share < 1:
                with trouble.manifest:
                    soak.kill()
        trouble.end()
        assert hostile.wait(60) == 0
        assert clients.wait(PATIENCE) == 0
    finally:
        for process in (clients, hostile):
            process.kill()
            process.wait()
    print(f"\ntrouble: {dict(sorted(trouble.done.items()))}; the orchestrator was killed {len(soak.deaths)} times")
    assert not trouble.faults, trouble.faults


def requests(soak: Soak) -> Iterator[str]:
    """Print how the requests ended, and yield those that got neither a whole answer nor a clear error."""
    results, told = read_lines(soak.folder / "clients.jsonl"), json.loads((soak.folder / "hostile.json").read_text())
    bad = [one for one in results if one["outcome"].startswith("bad")]
    excused = [
        one for one in bad if any(one["began"] < back + 0.5 and one["ended"] > died for died, back in soak.deaths)
    ]
    good = Counter(one["outcome"] for one in results if one not in bad)
    print(f"well-behaved: {len(results)} requests, {dict(good.most_common())}, cut by a kill: {len(excused)}")
    for kind in sorted({one["kind"] for one in results}):
        took = sorted(one["ended"] - one["began"] for one in results if one["kind"] == kind)
        half, most = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
        print(f"  {kind}: {len(took)}, p50 {half:.0f} ms, p99 {most:.0f} ms, longest {took[-1]:.1f} s")
    print(f"hostile: {told}")
    yield from (
        f"{one['kind']} after {one['ended'] - one['began']:.1f} s: {one['outcome']}"
        for one in bad
        if one not in excused
    )
    if told["a foreign page was let in"]:
        yield "a foreign page was let in"


def memory_and_cards(soak: Soak) -> Iterator[str]:
    """Print what was seen of processes, and yield what must not have been."""
    lines = read_lines(soak.folder / "watch.jsonl")
    seconds = [line for line in lines if "MiB" in line]
    most, rate = max(line["MiB"] for line in seconds), [line["samples"] for line in seconds[1:]]
    usual, opened = statistics.median(line["MiB"] for line in seconds), max(line["open"] for line in seconds)
    gap = max(line["gap"] for line in seconds) * 1000
    print(f"memory: at most {most:.0f} MiB, median {usual:.0f}; open files: at most {opened} of {OPEN_FILES}")
    usual_rate, slow = statistics.median(rate), sum(one < LEAST_RATE for one in rate)
    print(f"looked at {sum(rate)} times, {usual_rate:.0f} a second; longest gap {gap:.0f} ms; {slow} slow seconds")
    if most >= MOST_MIB:
        yield f"{most:.0f} MiB of memory"
    if usual_rate < LEAST_RATE:
        yield f"looked at {usual_rate:.0f} times a second alone: two engines may have been alive unseen"
    if unseen := {*EXCLUSIVE}.difference(*(line["engines"] for line in seconds)):
        yield f"{unseen} never ran, as far as was seen"
    yield from (f"at once: {line['at once']}" for line in lines if "at once" in line)


def log(soak: Soak) -> Iterator[str]:
    """Yield each fault in the orchestrator's log, with its surroundings."""
    text = (soak.folder / "orchestrator.log").read_text()
    for found in re.finditer("Traceback|never retrieved|was destroyed|fault of modelgen", text):
        yield text[max(0, found.start() - 500) : found.start() + 3000]
