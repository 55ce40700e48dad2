"""A real mirror, olah from PyPI, in front of the hub's double."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import prepared_interpreter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REQUIREMENT = "olah==0.5.4"
RUN = "from olah.server import cli; cli()"


@contextlib.contextmanager
def serve(package: Path, hub: str, cdn: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
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
    arguments = [part for option in options.items() for part in option]
    environment = {**os.environ, **environment, "PYTHONPATH": str(package)}
    with (folder / "out").open("wb") as out:
        process = prepared_interpreter.Forked(
            *("", *arguments),
            cwd=folder,
            env=environment,
            before=RUN,
            stdout=out,
            stderr=out,
            package=(str(package), "olah.server"),
        )
        try:
            _wait(process, folder / "out")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen[str], out: Path) -> None:
    while b"Uvicorn running on" not in out.read_bytes():
        assert process.poll() is None, out.read_text()
        time.sleep(0.02)
