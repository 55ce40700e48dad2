"""Loads that end before they are done: killed at any system call, or on a full disk. The next one goes on."""

from __future__ import annotations

import contextlib
import errno
import io
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import snapshot_download

from bundles import Written
from modelgen_importer import load, medium
from modelgen_importer.target import NEW

if TYPE_CHECKING:
    from collections.abc import Callable

KILLS = 20
FILES = {f"model-{number}.safetensors": random.Random(number).randbytes(1_100_000) for number in range(8)}
FILES |= {f"small/{number}.json": b"%d" % number for number in range(4)}
PROJECT = {"models.toml": b"x = 1\n", "models.lock": b"{}", "build/docker-compose.yml": b"services: {}\n"}
CALLS = ("fsync", "replace", "mkdir", "symlink", "chmod", "unlink")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


class Watched:
    """Loads in a forked process, which counts its calls and the bytes of contents that it writes, and may be killed."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 16)
        self._kill_at: int | None = None

    def run(self, *arguments: str, kill_at: int | None = None) -> tuple[int, int, int]:
        """Return the exit code, the number of calls, and the bytes written."""
        self._shared[:] = bytes(16)
        self._kill_at = kill_at
        if (child := os.fork()) == 0:
            with contextlib.suppress(BaseException):
                self._watch()
                os._exit(load.main(arguments))
            os._exit(99)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, self._number(0), self._number(8)

    def _watch(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        count, fdopen = self._count, os.fdopen

        class File(io.FileIO):
            def write(self, block: Any, /) -> int:  # noqa: ANN401 - a buffer
                written = super().write(block)
                count(written)
                return written

        def opened(descriptor: int, mode: str, *args: Any, **keys: Any) -> Any:  # noqa: ANN401 - a file
            return File(descriptor, mode) if mode == "r+b" else fdopen(descriptor, mode, *args, **keys)

        os.fdopen = opened  # type: ignore[assignment]
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **keys: Any) -> Any:  # noqa: ANN401 - any system call
            self._count(0)
            return call(*args, **keys)

        return counted

    def _count(self, written: int) -> None:
        for at, more in ((0, 1), (8, written)):
            self._shared[at : at + 8] = (self._number(at) + more).to_bytes(8, "big")
        if self._number(0) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _number(self, at: int) -> int:
        return int.from_bytes(self._shared[at : at + 8], "big")


def damage(target: Path) -> list[str]:
    snapshot = Path(snapshot_download("org/model", cache_dir=target / "models/hub", local_files_only=True))
    expected = [*((snapshot / path, data) for path, data in FILES.items())]
    expected += [(target / path, data) for path, data in PROJECT.items()]
    return [str(path) for path, data in expected if not path.is_file() or path.read_bytes() != data]


@pytest.mark.slow
def test_killed_at_twenty_moments(tmp_path: Path) -> None:
    bundle, watched = Written(PROJECT).snapshot(FILES).write(tmp_path / "bundle"), Watched()
    code, calls, whole = watched.run("--into", str(tmp_path / "whole"), str(bundle))
    assert (code, damage(tmp_path / "whole")) == (0, [])
    assert whole > sum(map(len, FILES.values()))
    moments = random.Random(24)
    written = again = 0
    for number in range(KILLS):
        target = tmp_path / f"target{number}"
        code, _, before = watched.run("--into", str(target), str(bundle), kill_at=moments.randrange(1, calls))
        assert code == -signal.SIGKILL
        assert not (target / "models/hub/models--org--model/refs").exists() or damage_of_hub(target) == []
        code, _, after = watched.run("--into", str(target), str(bundle))
        assert (code, damage(target)) == (0, [])
        left = [path for path in target.rglob("*") if path.name.endswith(NEW) or path.parent.name == "partial"]
        assert (left, (target / ".modelgen/bundle/incoming").exists()) == ([], False)
        written, again = written + before, again + max(before + after - whole, 0)
        shutil.rmtree(target)
    assert written > whole
    assert again <= 0.1 * written


def damage_of_hub(target: Path) -> list[str]:
    snapshot = next((target / "models/hub/models--org--model/snapshots").iterdir())
    return [path for path, data in FILES.items() if (snapshot / path).read_bytes() != data]


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or shutil.which("mount") is None,
    reason="only root can mount a file system",
)
def test_a_disk_that_becomes_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, target = Written(PROJECT).snapshot(FILES).write(tmp_path / "bundle"), tmp_path / "target"
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(target)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount that")
    try:
        assert load.main(["--into", str(target), str(bundle)]) == 3
        assert "6.3 MB free, and this load needs 8.8 MB" in capsys.readouterr().err
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(load.Load, "_check_space", lambda _: None)  # another program takes the space meanwhile
            assert load.main(["--into", str(target), str(bundle)]) == 3
        assert (
            "No space left on device; free some space and run it again, what was copied is kept"
            in capsys.readouterr().err
        )
        assert not (target / "models/hub/models--org--model/snapshots").exists()
        subprocess.run(["mount", "-o", "remount,size=20m", str(target)], check=True)
        code, _, written = Watched().run("--into", str(target), str(bundle))
        assert (code, damage(target)) == (0, [])
        assert written < 5_000_000
    finally:
        subprocess.run(["umount", str(target)], check=True)


class Vanishing(io.FileIO):
    """A file of a drive that is pulled out after the first block."""

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - as FileIO has it
        if self.tell():
            raise OSError(errno.EIO, "Input/output error")
        return super().readinto(buffer)


def test_a_drive_that_vanishes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, target = Written(PROJECT).snapshot(FILES).write(tmp_path / "bundle"), tmp_path / "target"
    opened = medium.open_regular
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            medium, "open_regular", lambda path: Vanishing(path) if path.parent.name == "blobs" else opened(path)
        )
        assert load.main(["--into", str(target), str(bundle)]) == 3
    talk = capsys.readouterr().err
    assert talk.startswith(f"cannot read {bundle / 'blobs'}")
    assert talk.endswith("Input/output error; check its disk and run it again, what was copied is kept\n")
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert damage(target) == []
