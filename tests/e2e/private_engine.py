"""A Docker Engine of the tests' own, which they may end and start again."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class PrivateEngine:
    """An Engine over a folder of its own, to be run in a network of its own: it makes a bridge of the usual name.

    Args:
        folder: Short enough for the path of a socket.
        options: Further ones.
        prefix: A command that runs it elsewhere.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), prefix: Sequence[str] = ()) -> None:
        self.address = f"unix://{folder}/docker.sock"
        self._log = folder / "dockerd.log"
        self._command = [
            *(*prefix, "dockerd", "--host", self.address, "--data-root", str(folder / "data")),
            *("--exec-root", str(folder / "run"), "--pidfile", str(folder / "pid")),
            *("--iptables=false", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while subprocess.run(["docker", "--host", self.address, "info"], capture_output=True, check=False).returncode:
            assert self._process.poll() is None and time.monotonic() < end, self._log.read_text()[-3000:]  # noqa: PT018
            time.sleep(0.05)

    def end(self) -> None:
        """End it, and return once it has ended."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)

    def load(self, image: str) -> None:
        """Give it an image that the machine's Engine has."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
            subprocess.run(
                ["docker", "load", "--quiet"],
                stdin=saving.stdout,
                env={**os.environ, "DOCKER_HOST": self.address},
                check=True,
                stdout=subprocess.DEVNULL,
            )
