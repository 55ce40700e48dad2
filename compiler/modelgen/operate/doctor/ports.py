"""Check the ports that models.toml publishes: free, or used by the project itself."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import socket
import sys
from typing import TYPE_CHECKING

from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.ir import Address
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_PUBLISHED = re.compile(r":(\d{1,5})(?:-(\d{1,5}))?->", re.ASCII)


def check_ports(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the addresses to listen on are free."""
    return [_check(host, wanted, line, address) for line, address in wanted.addresses.items()]


def _check(host: Host, wanted: Wanted, line: str, address: Address) -> Finding:
    text = f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
    problem = _try_to_bind(address)
    if problem is None:
        return Finding("ports", "good", f"{text} is free")
    if problem == errno.EADDRNOTAVAIL:
        return Finding("ports", "bad", f"{address.host} is not an address of this machine", f'`{line} = "0.0.0.0:…"`')
    if problem != errno.EADDRINUSE:
        return Finding("ports", "unknown", f"this user cannot check whether {text} is free")
    holder = _holder(host, address.port)
    if holder is not None and wanted.project is not None and holder.startswith(f"{wanted.project}-"):
        return Finding("ports", "good", f"{text} is used by {holder}")
    if holder is not None:
        help_ = f'`docker stop {holder}`, or set another port in `{line} = "…"`'
        return Finding("ports", "bad", f"{text} is used by the container {holder}", help_)
    if (listener := find_listener(host, address.port)) is not None:
        return Finding(
            "ports", "bad", f"{text} is used by {listener}", f'stop it, or set another port in `{line} = "…"`'
        )
    show = f"netstat -ano | findstr :{address.port}" if sys.platform == "win32" else f"ss -ltnp sport = :{address.port}"
    help_ = f'run `{show}` to see which one; stop it, or set another port in `{line} = "…"`'
    return Finding("ports", "bad", f"{text} is used by another program", help_)


def _try_to_bind(address: Address) -> int | None:
    """Return the errno if an address cannot be listened on, or None if it can."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":  # on Windows it would take a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        return error.errno or errno.EACCES
    return None


def _holder(host: Host, port: int) -> str | None:
    """Return the container that publishes a port, or None."""
    if host.which("docker") is None:
        return None
    answer = host.run("docker", "ps", "--format", "{{.Names}}\t{{.Ports}}")
    for row in answer.output.splitlines() if answer.is_good else ():
        name, _, ports = row.partition("\t")
        for first, last in _PUBLISHED.findall(ports):
            if int(first) <= port <= int(last or first):
                return name
    return None


_LISTENS = "0A"  # TCP_LISTEN (include/net/tcp_states.h)
_WORDS, _MOST = 3, 80


def find_listener(host: Host, port: int) -> str | None:
    """Return the process that listens on a port, such as `nginx (pid 812)`; None if it is hidden or there is none."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(host, port)}
    if not sockets:
        return None
    with contextlib.suppress(OSError):
        for process in sorted(host.path("/proc").iterdir()):
            if process.name.isdigit() and sockets & set(_open_files(process / "fd")):
                return f"{_name(host, process.name)} (pid {process.name})"
    return None


def _inodes(host: Host, port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (host.read(table) or "").splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == _LISTENS and words[1].rpartition(":")[2] == f"{port:04X}":
                yield words[9]


def _open_files(folder: os.PathLike[str]) -> list[str]:
    """Return the open files of a process; empty for a process of another user."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found.append(os.readlink(entry.path))  # noqa: PTH115 - thousands of them
    return found


def _name(host: Host, pid: str) -> str:
    """Return the beginning of a process's command line, without options, which may hold secrets.

    The name alone is not enough for Python or Java.
    """
    words = (host.read(f"/proc/{pid}/cmdline") or "").split("\0")
    plain = itertools.takewhile(lambda word: word == "-m" or not word.startswith("-"), words[1:_WORDS])
    shown = [os.path.basename(words[0]), *plain]  # noqa: PTH119 - a word of a command line
    name = " ".join(word for word in shown if word) or (host.read(f"/proc/{pid}/comm") or "a process").strip()
    return "".join(c if c.isprintable() else "?" for c in name)[:_MOST]
