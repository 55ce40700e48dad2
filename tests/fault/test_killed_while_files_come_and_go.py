"""kill -9 while a build adds, changes and removes files: nothing is ever half, and either way leads on from there."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from builds import contents

from modelgen import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

OLD = {"same": b"0", "changed": b"old" * 9000, "gone": b"1", "deep/gone": b"2"}
NEW = {"same": b"0", "changed": b"new" * 9000, "added": b"3", "deep/added": b"4"}
STAGED = (".modelgen-new", ".modelgen-done")
# What a process does to a file system, by the names of Python's own functions.
STEPS = {"open", "write", "flush", "close", "fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir", "flock"}


def test_the_next_build_completes_it(tmp_path: Path) -> None:
    fresh = made_of(NEW, tmp_path / "new")
    for folder in killed_everywhere(tmp_path, lambda folder: output.build(NEW, folder, force=False)):
        assert halves(folder) == []
        changes = output.compare(NEW, folder)
        # Both ways are open: on, and back to what was.
        assert changes.conflicts == output.compare(OLD, folder).conflicts == []
        assert changes.is_empty == (contents(folder) == fresh)
        output.build(NEW, folder, force=False)
        assert contents(folder) == fresh


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Each build is killed one step later than the one before it, all in one folder."""
    folder = tmp_path / "folder"
    output.build(OLD, folder, force=False)
    for step in range(1, 500):
        artifacts = NEW if step % 2 else OLD
        is_killed = is_killed_at(step, partial(output.build, artifacts, folder, force=False))
        if not is_killed and artifacts is NEW:  # as long as all is old, going back is soon done
            break
        assert halves(folder) == []
        assert output.compare(OLD, folder).conflicts == output.compare(NEW, folder).conflicts == []
    output.build(NEW, folder, force=False)
    assert contents(folder) == made_of(NEW, tmp_path / "new")


def test_the_check_can_fail(tmp_path: Path) -> None:
    def write_in_place(folder: Path) -> None:
        for name, data in NEW.items():
            with (folder / name).open("wb", buffering=0) as file:
                file.write(data)

    assert any(halves(folder) for folder in killed_everywhere(tmp_path, write_in_place))


def killed_everywhere(place: Path, action: Callable[[Path], object]) -> Iterator[Path]:
    """Yield an old build after `action` was killed in it, once for each of its steps."""
    made_of(OLD, place / "old")
    for step in range(1, 500):
        folder = place / f"step{step}"
        shutil.copytree(place / "old", folder)
        if not is_killed_at(step, partial(action, folder)):
            assert step > len(NEW)  # there was something to count
            return
        yield folder
    pytest.fail("the build never came to its end")


def is_killed_at(step: int, action: Callable[[], object]) -> bool:
    """Run `action` in a process of its own, which dies before its nth step; tell whether it did."""
    child = os.fork()
    if child == 0:
        _die_at(step, action)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _die_at(step: int, action: Callable[[], object]) -> NoReturn:
    taken = 0

    def count(_frame: object, event: str, called: Any) -> None:  # noqa: ANN401 - a profiler's signature
        nonlocal taken
        if event == "c_call" and called.__name__ in STEPS:
            taken += 1
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.setprofile(count)
        action()
        sys.setprofile(None)
        os._exit(0)
    finally:  # an exception must not go on in a second pytest
        os._exit(70)


def made_of(artifacts: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """Return what a build into an empty directory writes."""
    output.build(artifacts, folder, force=False)
    return contents(folder)


def halves(folder: Path) -> list[str]:
    """Return the files that are neither as they were nor as they will be."""
    now = contents(folder)
    names = {name for name in {*OLD, *NEW, *now} if not name.endswith((output.RECORD, *STAGED))}
    return sorted(name for name in names if now.get(name) not in (OLD.get(name), NEW.get(name)))
