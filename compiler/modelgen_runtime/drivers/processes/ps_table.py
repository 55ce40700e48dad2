"""The process table from `ps`, for systems without /proc, such as macOS."""

from __future__ import annotations

import subprocess


def identify(pid: int) -> str | None:
    """Return the identity of a living process, which no other process with the same pid ever had, or None."""
    state, _, started = _ask("-o", "stat=", "-o", "lstart=", "-p", str(pid)).strip().partition(" ")
    return None if not started or state.startswith("Z") else " ".join(started.split())


def list_group(group: int) -> list[int]:
    """Return the living processes of a group."""
    rows = [line.split() for line in _ask("-A", "-o", "pid=", "-o", "pgid=", "-o", "stat=").splitlines()]
    return [int(pid) for pid, of, state in rows if of == str(group) and not state.startswith("Z")]


FINDS_MARKED = False


def list_marked(variable: str, prefix: str) -> dict[int, str]:  # noqa: ARG001 - as in proc_table
    """Return nothing, since environments of other processes cannot be read."""
    return {}


def read_mark(pid: int, variable: str) -> str | None:  # noqa: ARG001 - as in proc_table
    """Return None, for the same reason."""
    return None


def is_of_this_boot(identity: str) -> bool:  # noqa: ARG001 - as in proc_table
    """Return False, since it is unknown: a group without its leader is then left alone."""
    return False


def _ask(*arguments: str) -> str:
    # For an unknown pid, ps prints nothing and exits with 1. The time depends on the locale.
    command = ["/bin/ps", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}).stdout
