"""How a warning looks for a person at a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from compiling import REPOSITORY


def test_a_warning_breaks_between_words_on_a_narrow_terminal() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    text = "build/docker-compose.override.yml:5:5 takes away `deploy` of service `vllm-text-4b`: it has no effect"
    command = [sys.executable, "-c", f"from modelgen.cli.reading import warn; warn({text!r})"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
    subprocess.run(command, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    lines = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    assert all(len(line) <= 50 for line in lines)
    assert " ".join(line.strip() for line in lines) == f"warning: {text}"
