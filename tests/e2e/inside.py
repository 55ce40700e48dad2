"""A host without internet: a network namespace without a route, with a Docker Engine of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from private_engine import PrivateEngine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LOCAL = ("lo", "docker0", "br-", "veth")


class Inside:
    """The host.

    Args:
        pid: A process in its network.
        engine: Its Docker Engine.
        folder: For its files; the path of the Engine's socket is short.
    """

    def __init__(self, pid: int, engine: PrivateEngine, folder: Path) -> None:
        self._pid, self.engine, self.folder = pid, engine, folder

    def start(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a program."""
        return subprocess.Popen(
            ["nsenter", f"--net=/proc/{self._pid}/ns/net", *command],
            cwd=folder,
            env={**environment, "DOCKER_HOST": self.engine.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, folder: Path, environment: Mapping[str, str]) -> str:
        """Run commands as they are written, and return what they printed."""
        with self.start(["bash", "-euo", "pipefail", "-c", script], folder, environment) as process:
            printed, said = process.communicate()
        assert process.returncode == 0, f"{script}\n{printed}\n{said}"
        return printed

    def require_silence(self) -> None:
        """Check that there is no way out, and that nothing ever looked for one."""
        routes = self.run("ip route; ip -6 route", self.folder, os.environ)
        assert "default" not in routes
        devices = [line.split(":")[1].strip() for line in self.run("ip -o link", self.folder, os.environ).splitlines()]
        assert all(device.startswith(_LOCAL) for device in devices), devices
        counted = self.run("cat /proc/net/snmp", self.folder, os.environ)
        names, values = (line.split() for line in counted.splitlines() if line.startswith("Ip:"))
        assert dict(zip(names, values, strict=True))["OutNoRoutes"] == "0"


@contextlib.contextmanager
def inside() -> Iterator[Inside]:
    """Yield a host without internet; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mg-", dir="/tmp"))
    folder.chmod(0o755)
    command = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"up\n"
            engine = PrivateEngine(folder, prefix=["nsenter", f"--net=/proc/{holder.pid}/ns/net"])
            engine.start()
            try:
                yield Inside(holder.pid, engine, folder)
            finally:
                engine.end()
                holder.kill()
    finally:
        for mounted in (folder / "run" / "netns").glob("*"):  # which an Engine leaves behind
            subprocess.run(["umount", "--lazy", mounted], check=False)
        shutil.rmtree(folder)
