"""Looks at all processes many times a second: `soak_watch.py FOLDER`, until it gets SIGTERM.

`FOLDER/orchestrator.pid` says who is looked at, and `--mark FOLDER/MODEL` in its arguments which model an engine is of.
Writes FOLDER/watch.jsonl, a line each second and a line for each pair of exclusive engines that were alive at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

PERIOD = 0.04
PROC = Path("/proc")


def alive(pid: int) -> str | None:
    """Return when a process began, unless it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


class Watch:
    """Finds engines; all other processes are looked at once, so that it takes a few milliseconds to look again."""

    def __init__(self, folder: str) -> None:
        self._mark = f"{folder}/".encode()
        self._others = set[str]()  # that live since they were looked at, and are no engines

    def engines(self) -> list[tuple[int, str, str]]:
        """Return pid, begin and model of all engines, workers included."""
        pids = {name for name in os.listdir(PROC) if name.isdecimal()}  # noqa: PTH208 - twenty times a second
        self._others &= pids
        found = []
        for name in pids - self._others:
            if (began := alive(int(name))) is None:
                continue
            with contextlib.suppress(OSError):
                _, _, rest = (PROC / name / "cmdline").read_bytes().partition(b"\0--mark\0")
                if rest.startswith(self._mark):
                    found.append((int(name), began, rest.partition(b"\0")[0].decode().rpartition("/")[2]))
                elif time.clock_gettime(time.CLOCK_BOOTTIME) - int(began) / os.sysconf("SC_CLK_TCK") > 1:
                    self._others.add(name)  # before that, it may be about to become one
        return found


def at_once(found: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """Return engines of several exclusive models that are alive at one instant, this one."""
    exclusive = [one for one in found if one[2].startswith(("big", "dying", "quitting"))]
    if len({model for *_, model in exclusive}) < 2:
        return []
    still = [one for one in exclusive if alive(one[0]) == one[1]]  # they were not all seen at the same instant
    return still if len({model for *_, model in still}) > 1 else []


def resident_mib(pid: int) -> float | None:
    """Return the memory of a process."""
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), None)


def descriptors(pid: int) -> int | None:
    """Return how many files a process has open."""
    try:
        return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    except OSError:
        return None


def main() -> None:
    folder, goes_on = Path(sys.argv[1]), True

    def stop(*_: object) -> None:
        nonlocal goes_on
        goes_on = False

    signal.signal(signal.SIGTERM, stop)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # it is to look all the time, whatever the others do
    watch, samples, second = Watch(str(folder)), 0, 0
    most_memory = most_descriptors = longest = 0.0
    last, seen = time.monotonic(), set[str]()
    with (folder / "watch.jsonl").open("w", buffering=1) as lines:
        while goes_on:
            pid = int((folder / "orchestrator.pid").read_text())
            engines = watch.engines()
            seen |= {model for *_, model in engines}
            if pair := at_once(engines):
                lines.write(json.dumps({"at once": pair, "time": time.monotonic()}) + "\n")
            most_memory = max(most_memory, resident_mib(pid) or 0)
            samples += 1
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            if int(now) != second:
                second, most_descriptors = int(now), descriptors(pid) or 0
                shown = {"time": now, "samples": samples, "gap": longest, "engines": sorted(seen)}
                lines.write(json.dumps(shown | {"MiB": most_memory, "open": most_descriptors}) + "\n")
                samples, most_memory, longest, seen = 0, 0.0, 0.0, set()
            time.sleep(PERIOD)


if __name__ == "__main__":
    main()
