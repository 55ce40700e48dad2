"""A state folder that takes nothing: models are served all the same, and what could not be recorded is found again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from modelgen.cli.state_folder import write_state
from modelgen.files import ModelgenError
from runtime_serving import Served, engine, manifest, serving, spawn, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,  # starts processes
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small file system, which only root may"
    ),
]
A, B = engine("a"), engine("b")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder of 4 MiB."""
    state = tmp_path / "state"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", state], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield state
    subprocess.run(["umount", "--lazy", state], check=True)


def fill(state: Path) -> None:
    """Leave no byte free."""
    with (state / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def find_engines(folder: Path) -> list[int]:
    """Find engines by what only they have in their environment."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listing.splitlines() if str(folder) in line and "fake_engine" in line]


def test_models_are_switched_on_a_full_disk_and_an_operator_sees_it(tmp_path: Path, state: Path) -> None:
    fill(state)
    with serving(tmp_path, manifest(A, B)) as orchestrator:
        assert [orchestrator.chat(model)[0] for model in "abab"] == [200] * 4
        status, ready = orchestrator.ask("/readyz")
        assert (status, ready["status"]) == (200, "ready")
        for shown in (ready, orchestrator.ask("/status")[1]):
            assert sorted(text.partition(" cannot")[0] for text in shown["warnings"]) == [
                str(state / "processes.json"),
                str(state / "wanted.json"),
            ]
        log = (tmp_path / "orchestrator.log").read_text()
        assert log.count("processes.json cannot be written") == 1
        (state / "filler").unlink()
        wait_for(lambda: orchestrator.ask("/status")[1]["warnings"] == [])
        assert len(orchestrator.engines()) == 1


def test_a_folder_that_is_read_only_from_the_start_stops_nobody(tmp_path: Path, state: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", state], check=True)
    with serving(tmp_path, manifest(A)) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        second, _ = spawn(tmp_path, manifest(A))
        with second:
            assert second.wait(20) == 3


def test_an_engine_that_is_not_on_record_is_found_after_a_kill(tmp_path: Path, state: Path) -> None:
    marked = engine("a", "--mark", str(tmp_path))
    fill(state)
    process, port = spawn(tmp_path, manifest(marked))
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving on")
        assert Served(tmp_path, process, port).chat("a")[0] == 200
        [left] = find_engines(tmp_path)
        process.send_signal(signal.SIGKILL)
    assert find_engines(tmp_path) == [left]
    with serving(tmp_path, manifest(B)):
        wait_for(lambda: find_engines(tmp_path) == [])


def test_what_serve_has_written_before_is_not_written_again(state: Path) -> None:
    """After a kill on a full disk, `serve` could not start again: it wrote a manifest that was there already."""
    write_state(state, {"manifest.json": b"{}\n"})
    fill(state)
    write_state(state, {"manifest.json": b"{}\n"})
    with pytest.raises(ModelgenError, match="free some space"):
        write_state(state, {"manifest.json": b"[]\n"})
    assert (state / "manifest.json").read_bytes() == b"{}\n"
