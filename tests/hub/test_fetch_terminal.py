"""`modelgen fetch` on a terminal of 50 columns: bars that name the repository, and a cursor that comes back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from hub_project import Project, project

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
COLUMNS = 50


class Terminal:
    """A fetch with a terminal as its output for people."""

    def __init__(self, models: Project) -> None:
        self.reader, writer = pty.openpty()
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 20, COLUMNS, 0, 0))
        environment = {**os.environ, **models.environment, "TERM": "xterm", "PYTHONPATH": str(REPOSITORY / "compiler")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelgen", "fetch"],
            cwd=models.folder,
            env={name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")},
            stdout=writer,
            stderr=writer,
        )
        os.close(writer)
        self.seen = b""

    def read_until(self, wanted: bytes) -> None:
        while wanted not in self.seen and self._read():
            pass
        assert wanted in self.seen, self.seen

    def read_all(self) -> None:
        while self._read():
            pass
        self.process.wait()
        os.close(self.reader)

    def _read(self) -> bool:
        try:
            data = os.read(self.reader, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += data
        return bool(data)


@pytest.fixture
def models(hub: Hub, tmp_path: Path, large: Path) -> Project:
    hub.rate = 10_000_000
    name = "org/a-model-whose-name-is-much-longer-than-fits-01"
    return project(tmp_path, hub, {name: {"model.safetensors": large}, "org/small": {"config.json": b"{}"}})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_cursor_comes_back_after_a_signal(models: Project, number: signal.Signals) -> None:
    terminal = Terminal(models)
    terminal.read_until(HIDE)
    terminal.process.send_signal(number)
    terminal.read_all()
    assert terminal.process.returncode == 128 + number, terminal.seen
    assert terminal.seen.rfind(SHOW) > terminal.seen.rfind(HIDE)
    assert b"interrupted; downloads are kept" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_bars_name_the_repository_in_50_columns(hub: Hub, models: Project) -> None:
    terminal = Terminal(models)
    terminal.read_until(b"fits-01")
    hub.rate = None
    terminal.read_all()
    assert terminal.process.returncode == 0, terminal.seen
    assert terminal.seen.rfind(SHOW) > terminal.seen.rfind(HIDE)
    lines = ESCAPES.sub(b"", terminal.seen).decode().replace("\r", "\n").splitlines()
    bars = [line for line in lines if "MB/s" in line or "fits-01" in line]
    assert bars
    assert max(map(len, bars)) <= COLUMNS
    assert "2/2 repos" in ESCAPES.sub(b"", terminal.seen).decode()


def test_the_cursor_comes_back_after_a_failure(hub: Hub, models: Project) -> None:
    hub.faults.status(404, path="model.safetensors", host="cdn", count=None)
    terminal = Terminal(models)
    terminal.read_all()
    assert terminal.process.returncode in (1, 3)
    assert terminal.seen.rfind(SHOW) > terminal.seen.rfind(HIDE)
