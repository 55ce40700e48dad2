"""A real mirror, olah from PyPI, in front of the hub's double."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VERSION = "0.5.4"


def install(folder: Path) -> Path:
    """Install it into an environment of its own, for its dependencies are not ours, and return its program."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    bin_ = folder / ("Scripts" if sys.platform == "win32" else "bin")
    command = [str(bin_ / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, f"olah=={VERSION}"], check=True)
    return bin_ / "olah-cli"


@contextlib.contextmanager
def serve(program: Path, hub: str, cdn: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Run the mirror until the block ends, and yield its address; every answer is asked of the hub again."""
    folder.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    options = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--hf-scheme": "http",
        "--hf-netloc": urlsplit(hub).netloc,
        "--hf-lfs-netloc": urlsplit(cdn).netloc,
        "--mirror-netloc": address,
        "--repos-path": str(folder / "repos"),
        "--log-path": str(folder / "logs"),
        "--metadata-cache-ttl": "0",
    }
    command = [str(program), *(part for option in options.items() for part in option)]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=out, stderr=out)
        try:
            _wait(process, folder / "out")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], out: Path) -> None:
    while b"Uvicorn running on" not in out.read_bytes():
        assert process.poll() is None, out.read_text()
        time.sleep(0.02)
