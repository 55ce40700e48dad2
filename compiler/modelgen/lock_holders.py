"""Record and find the process that holds a lock, and check whether it still runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A process that holds a lock.

    Args:
        command: The command, such as `modelgen fetch`.
        pid: The process id.
        host: The host, with the pid namespace.
        begun: The start time, which distinguishes it from a later process with the same id; empty if unknown.
    """

    command: str
    pid: int
    host: str
    begun: str = ""

    @classmethod
    def current(cls, command: str) -> Holder:
        """Return this process."""
        return cls(command, os.getpid(), _host(), _begun(os.getpid()))

    @classmethod
    def read(cls, path: Path) -> Holder | None:
        """Return the holder that a marker names; None if there is no marker or it is not complete."""
        try:
            found = json.loads(path.read_bytes())
            return cls(str(found["command"]), int(found["pid"]), str(found["host"]), str(found.get("begun", "")))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    @property
    def is_gone(self) -> bool:
        """Return whether the process ran on this host and has ended."""
        if sys.platform == "win32" or self.host != _host():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False  # another user's process
        return self.begun not in ("", _begun(self.pid))

    def __str__(self) -> str:
        return f"`{self.command[:40]}` (process {self.pid} on {self.host.split()[0][:60] if self.host else '?'})"

    def encode(self) -> bytes:
        """Return the content of a marker."""
        return json.dumps(asdict(self)).encode()


def _host() -> str:
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no file of that name
    return socket.gethostname()


def _begun(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    return ""
