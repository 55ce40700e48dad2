"""Change the code in small ways, one at a time, and print the changes that no test notices.

    python tools/mutants.py --seed 1 --count 300 --jobs 2

The seed chooses the mutants, so a run can be repeated. Each mutant runs in a copy of the tree, against the tests of its
part without Docker, until the first failure. The exit code is 1 when fewer than 90 % are killed.
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
from typing import NamedTuple

from mutation_operators import Mutant, mutants_of

ROOT = Path(__file__).parent.parent
COMPILER = "compiler/modelgen"
RUNTIME = "compiler/modelgen_runtime"
TIMEOUT = 900  # seconds for the tests of one mutant; a mutant that makes them hang is killed
ENOUGH = 0.9


class Part(NamedTuple):
    """Code, and the tests that cover it, those that find most first."""

    code: tuple[str, ...]
    tests: tuple[tuple[str, ...], ...]


COMPILER_TESTS = (("tests/checks", "tests/snapshot"), ("tests/unit", "tests/fuzz"), ("tests/hub", "tests/runtime"))
RUNTIME_TESTS = (
    tuple(f"tests/runtime/test_{name}.py" for name in ("board", "scheduler", "eviction", "holds", "patience")),
    ("tests/runtime",),
)
RUNTIME_CODE = ("scheduling/scheduler", "scheduling/eviction", "state/board", "engines/admission")
PARTS = (
    Part(tuple(f"{COMPILER}/{name}" for name in ("checks", "resolve", "lower", "targets")), COMPILER_TESTS),
    Part(tuple(f"{RUNTIME}/{name}.py" for name in RUNTIME_CODE), RUNTIME_TESTS),
)


def main() -> None:
    """Draw the mutants, run the tests of each, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="draw from paths that contain this text")
    parser.add_argument("--stages", type=int, default=3, help="how many groups of tests to run, the fastest first")
    options = parser.parse_args()
    drawn = draw(options.seed, options.count, options.only)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(options.jobs):
            trees.put(copy_tree(Path(folder, str(number))))

        for tests in {tests for mutant in drawn for tests in part_of(mutant).tests[: options.stages]}:
            if output := failure(Path(folder, "0"), tests):
                sys.exit(f"{output}\nThe tests fail without a mutant.")

        def run(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                killed = is_killed(tree, mutant, options.stages)
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


def is_killed(tree: Path, mutant: Mutant, stages: int) -> bool:
    """Return whether a test fails with this mutant in the tree."""
    path = tree / mutant.path
    original, times = path.read_bytes(), path.stat()
    path.write_bytes(mutant.source)
    # Bytecode is valid for a size and a second: no two mutants may have the same one.
    os.utime(path, (times.st_atime, times.st_mtime + 10 + mutant.offset))
    try:
        return any(failure(tree, tests) for tests in part_of(mutant).tests[:stages])
    finally:
        path.write_bytes(original)
        os.utime(path, (times.st_atime, times.st_mtime))


def part_of(mutant: Mutant) -> Part:
    """Return the part whose code the mutant changes."""
    [part] = [part for part in PARTS if mutant.path.startswith(part.code)]
    return part


def failure(tree: Path, tests: tuple[str, ...]) -> str:
    """Return the output of these tests when one fails, and an empty string when all pass."""
    marked = "not docker and not vllm and not bench and not soak and not oracle"
    options = ["-x", "-q", "--numprocesses=0", "-p", "no:randomly", "-m", marked]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    return done.stdout + done.stderr if done.returncode != 0 else ""


if __name__ == "__main__":
    main()
