"""Ctrl-C while many gigabytes are hashed is heard at once, and leaves nothing half-done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adding import FOLDER, project
from checkpoints import checkpoint
from compiling import REPOSITORY
from hub_on_disk import COMMIT
from modelgen.hub.cache.layout import checkouts
from modelgen.lockfile.entries import File, Lock, Snapshot
from modelgen.lockfile.writing import render_lock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to see how much a process has read")

SIZE = 10 * 2**30  # of holes


def hollow(path: Path) -> int:
    """Write weights that take long to read and no room; return their size."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [SIZE], "data_offsets": [0, SIZE]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + SIZE)
    path.chmod(0o644)
    return 8 + len(header) + SIZE


def interrupt(root: Path, *args: str) -> str:
    """Run a command, interrupt it while it reads, and return what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "modelgen", *args],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not is_reading(process.pid):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    return said


def is_reading(pid: int) -> bool:
    """Return whether a process has read more than its own program, which is the weights."""
    [read] = [line for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("rchar")]
    return int(read.split()[1]) > 2**27


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_add(tmp_path: Path, mode: int) -> None:
    source = checkpoint(project(tmp_path) / "a")
    hollow(source / "model.safetensors")
    (source / "model.safetensors").chmod(mode)
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < SIZE:
        pytest.skip("a copy needs more room than there is")
    said = interrupt(tmp_path, "add", "a", "--as", "local/ft", "--no-table")
    assert said.strip() == "modelgen: interrupted; local/ft is unchanged; run it again"
    assert not (tmp_path / FOLDER).exists()
    assert not (tmp_path / "hub/.locks/modelgen/adding").exists()


def test_verify(tmp_path: Path) -> None:
    text = (project(tmp_path) / "models.toml").read_text()
    (tmp_path / "models.toml").write_text(text)
    size = hollow(tmp_path / "weights")
    entry = File(path="model.safetensors", size=size, sha256="a" * 64)
    snapshot = Snapshot(repo="org/base", commit=COMMIT, models=["base"], files=[entry])
    (tmp_path / "models.lock").write_bytes(render_lock(Lock(snapshots=[snapshot])))
    (checkout,) = checkouts(tmp_path / "hub", [snapshot])
    checkout.snapshot.mkdir(parents=True)
    os.link(tmp_path / "weights", checkout.pointer(entry))
    said = interrupt(tmp_path, "verify")
    assert said.strip() == "modelgen: interrupted; the remaining files were not checked; run it again"
