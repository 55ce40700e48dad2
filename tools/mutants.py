"""Change the code in small ways, one at a time, and print the changes that no test notices.

    python tools/mutants.py --seed 1 --count 300 --jobs 2

The seed chooses the mutants, so a run can be repeated. The tests run once to record which of them run which line. Then
each mutant runs in a copy of the tree, against the tests of its line, without Docker, until the first failure. The exit
code is 1 when fewer than 90 % are killed.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from covering_tests import RECORD, Record
from mutation_operators import Mutant, mutants_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
COMPILER = "compiler/modelgen"
RUNTIME = "compiler/modelgen_runtime"
TIMEOUT = 900  # seconds for the tests of one mutant; a mutant that makes them hang is killed
ENOUGH = 0.9
MARKED = "not docker and not vllm and not bench and not soak and not oracle"


class Part(NamedTuple):
    """Code, and the tests that it is held by."""

    code: tuple[str, ...]
    tests: tuple[str, ...]


# The tests of the runtime alone: build/ holds a copy of it, so that a test of build/ fails with every change.
PARTS = (
    Part(
        tuple(f"{COMPILER}/{name}" for name in ("checks", "resolve", "lower", "targets")),
        ("tests/checks", "tests/snapshot", "tests/unit", "tests/fuzz", "tests/fit", "tests/lint"),
    ),
    Part(
        tuple(
            f"{RUNTIME}/{name}.py"
            for name in ("scheduling/scheduler", "scheduling/eviction", "state/board", "engines/admission")
        ),
        ("tests/runtime",),
    ),
)


def main() -> None:
    """Draw the mutants, run the tests of each, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="draw from paths that contain this text")
    options = parser.parse_args()
    drawn = draw(options.seed, options.count, options.only)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(options.jobs):
            trees.put(copy_tree(Path(folder, str(number))))
        records = {part: recorded(Path(folder, "0"), part) for part in {part_of(mutant) for mutant in drawn}}

        def run(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                killed = is_killed(tree, mutant, records[part_of(mutant)])
            finally:
                trees.put(tree)
            print(f"{'killed  ' if killed else 'SURVIVED'} {mutant}", flush=True)
            return killed

        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(run, drawn))
    print(f"{sum(results)} of {len(results)} killed (seed {options.seed})")
    sys.exit(sum(results) < ENOUGH * len(results))


def draw(seed: int, count: int, only: str = "") -> list[Mutant]:
    """Return as many mutants as asked for; the same ones for the same seed and code."""
    found: list[Mutant] = []
    for part in PARTS:
        for name in part.code:
            path = ROOT / name
            for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                relative = file.relative_to(ROOT).as_posix()
                if only in relative:
                    found += mutants_of(relative, file.read_bytes())
    return random.Random(seed).sample(found, min(count, len(found)))  # noqa: S311 - no secret


def copy_tree(folder: Path) -> Path:
    """Copy what is in version control, as it is now."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def recorded(tree: Path, part: Part) -> Record:
    """Run the tests of a part once without a mutant, and record which test runs which line."""
    file = tree / f"covering-{PARTS.index(part)}.db"
    if output := failure(tree, part.tests, "-p", "covering_tests", record=file):
        sys.exit(f"{output}\nThe tests fail without a mutant.")
    return Record(file, tree)


def is_killed(tree: Path, mutant: Mutant, record: Record) -> bool:
    """Return whether a test fails with this mutant in the tree.

    The tests that run the line come first. Programs that a test starts are not recorded: all tests of the part follow
    for the runtime, which runs mostly in such programs.
    """
    path = tree / mutant.path
    original, times = path.read_bytes(), path.stat()
    path.write_bytes(mutant.source)
    # Bytecode is valid for a size and a second: no two mutants may have the same one.
    os.utime(path, (times.st_atime, times.st_mtime + 10 + mutant.offset))
    try:
        covering = record.covering(mutant.path, mutant.line)
        if covering and failure(tree, covering):
            return True
        return mutant.path.startswith(RUNTIME) and bool(failure(tree, part_of(mutant).tests))
    finally:
        path.write_bytes(original)
        os.utime(path, (times.st_atime, times.st_mtime))


def part_of(mutant: Mutant) -> Part:
    """Return the part whose code the mutant changes."""
    [part] = [part for part in PARTS if mutant.path.startswith(part.code)]
    return part


def failure(tree: Path, tests: Sequence[str], *options: str, record: Path | None = None) -> str:
    """Return the output of these tests when one fails, and an empty string when all pass."""
    listed = tree / "tests.txt"
    listed.write_text("\n".join(tests))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--numprocesses=0", "-p", "no:randomly", "-m", MARKED]
    recording = {RECORD: str(record), "PYTHONPATH": "tools"} if record else {}
    try:
        done = subprocess.run(
            [*command, *options, f"@{listed}"],
            cwd=tree,
            env={**os.environ, **recording},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT * (3 if record else 1),
        )
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    return done.stdout + done.stderr if done.returncode != 0 else ""


if __name__ == "__main__":
    main()
