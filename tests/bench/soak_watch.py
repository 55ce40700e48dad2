"""Looks at all processes many times a second: `soak_watch.py FOLDER`, until it gets SIGTERM.

`FOLDER/orchestrator.pid` says who is looked at, and `--mark FOLDER/MODEL` in its arguments which model an engine is of.
Writes FOLDER/watch.jsonl, a line each second and a line for each pair of exclusive engines that were alive at once.
"""

from __future__ import annotations

import contextlib
import json
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
    """What is known of all processes: arguments are read once for each."""

    def __init__(self, folder: str) -> None:
        self._mark = f"{folder}/".encode()
        self._known: dict[int, tuple[str, str]] = {}  # of engines: when it began, and the model
        self._others: dict[int, str] = {}  # of all other processes: when it began

    def engines(self) -> list[tuple[int, str, str]]:
        """Return pid, begin and model of all engines, workers included."""
        found = []
        for entry in PROC.iterdir():
            if not entry.name.isdigit():
                continue
            pid = int(entry.name)
            if (began := alive(pid)) is None:
                continue
            if self._others.get(pid) == began:
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                marks = [word for word in words if word.startswith(self._mark) and b"." not in word]
                if b"--mark" in words and marks:
                    found.append((pid, began, marks[-1].decode().rpartition("/")[2]))
                elif time.clock_gettime(time.CLOCK_BOOTTIME) - int(began) / 100 > 1:  # else it may be about to exec
                    self._others[pid] = began
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
    watch, samples, second = Watch(str(folder)), 0, 0
    most_memory = most_descriptors = longest = 0.0
    last = time.monotonic()
    with (folder / "watch.jsonl").open("w", buffering=1) as lines:
        while goes_on:
            pid = int((folder / "orchestrator.pid").read_text())
            if pair := at_once(watch.engines()):
                lines.write(json.dumps({"at once": pair, "time": time.monotonic()}) + "\n")
            most_memory = max(most_memory, resident_mib(pid) or 0)
            samples += 1
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            if int(now) != second:
                second, most_descriptors = int(now), descriptors(pid) or 0
                shown = {"time": now, "samples": samples, "MiB": most_memory, "open": most_descriptors, "gap": longest}
                lines.write(json.dumps(shown) + "\n")
                samples, most_memory, longest = 0, 0.0, 0.0
            time.sleep(PERIOD)


if __name__ == "__main__":
    main()
