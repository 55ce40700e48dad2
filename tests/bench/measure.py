"""Whole processes against each other, in turn, so that a ratio holds while the machine's speed drifts."""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

RUNS = 11
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Run:
    """One process: seconds of wall time and of processor, MiB of peak memory.

    A peak below that of this process is not seen: a child's count begins with its parent's.
    """

    wall: float
    cpu: float
    peak: float


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command with its output thrown away; a failure fails the benchmark."""
    program = str(command[0])
    # The first run, which does not count, writes the bytecode that an installation has.
    writes_bytecode = {name: value for name, value in (environment or os.environ).items() if name != _NO_BYTECODE}
    null = os.open(os.devnull, os.O_RDWR)
    start = time.perf_counter()
    pid = os.posix_spawn(
        program,
        [*map(str, command)],
        writes_bytecode,
        file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)],
    )
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    os.close(null)
    assert os.waitstatus_to_exitcode(status) == 0, command
    kib = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return Run(wall, usage.ru_utime + usage.ru_stime, kib / 1024)


def compare(
    title: str,
    ours: Sequence[str | Path],
    theirs: Sequence[str | Path],
    runs: int = RUNS,
    *,
    environment: Mapping[str, str] | None = None,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Print the medians of both and of the ratios, pair by pair, after one run that does not count.

    `before` is called before each run.
    """

    def prepared(command: Sequence[str | Path]) -> Run:
        before()
        return run(command, environment)

    prepared(ours), prepared(theirs)
    pairs = [(prepared(ours), prepared(theirs)) for _ in range(runs)]
    print(f"\n{title}")
    for figure, unit in (("wall", "s"), ("cpu", "s"), ("peak", "MiB")):
        mine = [getattr(pair[0], figure) for pair in pairs]
        other = [getattr(pair[1], figure) for pair in pairs]
        if figure == "peak" and max(mine + other) < 1.2 * min(mine + other):
            print(f"  {figure:<5} below {max(mine + other):.0f} MiB, which is this process's own: not seen")
            continue
        ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
        print(f"  {figure:<5} {statistics.median(mine):8.3f} / {statistics.median(other):8.3f} {unit:<4} = {ratio:.2f}")
