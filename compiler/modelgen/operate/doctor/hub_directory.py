"""Check the hub directory: present, complete, readable by the containers' user; and free disk space."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import sys
from typing import TYPE_CHECKING

from modelgen.hub_root import about_root, find_root, written_root
from modelgen.lockfile.repos import ASSETS
from modelgen.mount_options import options_that_open
from modelgen.operate.doctor.daemon import find_daemon
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.machine import find_platform
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_FOLDER = stat.S_IROTH | stat.S_IXOTH
_FILE = stat.S_IROTH
_BRING = "`modelgen up` downloads them; without Docker: modelgen lock && modelgen fetch"
_LOW = 10 * 2**30
"""Minimum free bytes; an engine's image alone takes as much."""
_WINDOWS_FILE_SYSTEMS = ("9p", "drvfs", "v9fs")
_WINDOWS_DRIVE = re.compile(r"/mnt/(?:host/)?[a-z](?:/|$)|[A-Za-z]:")
_RESERVE = 0.5
"""Seconds of the time limit that are reserved for the other checks."""


def check_hub(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the hub directory exists, contains models, and can be read by every container."""
    if wanted.hub is None or not wanted.needs_hub:
        return []
    try:
        names = {entry.name for entry in wanted.hub.iterdir()}
    except FileNotFoundError:
        absent = Finding("hub", "note", f"there is no hub directory at {wanted.hub}: no weights are here yet", _BRING)
        return [_find_misplaced(wanted) or absent]
    except (OSError, ValueError) as error:
        why = ((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()
        return [Finding("hub", "bad", f"the hub directory {wanted.hub} cannot be read: {why}", f"ls -ld {wanted.hub}")]
    findings = [*_find_windows_drive(host, wanted.hub)]
    if not any(name.startswith("models--") for name in names):
        empty = Finding("hub", "note", f"the hub directory {wanted.hub} contains no model yet", _BRING)
        return [*findings, _find_misplaced(wanted) or empty]
    return [*findings, _check_modes(host, wanted.hub)]


def _find_misplaced(wanted: Wanted) -> Finding | None:
    """Return the finding for a path that is one level off."""
    if wanted.hub is None or wanted.document is None or (root := find_root(wanted.hub)) is None:
        return None
    help_ = f"write `{written_root(wanted.document.config.project.hub, wanted.hub, root)}` in [project]"
    return Finding("hub", "bad", about_root(wanted.hub, root), help_)


def check_disk(host: Host, wanted: Wanted) -> list[Finding]:
    """Check the free disk space for weights and images."""
    places = {} if wanted.hub is None else {"the hub directory": wanted.hub}
    daemon = find_daemon(host)
    if daemon is not None and daemon.folder and not daemon.is_desktop:
        places["Docker's images"] = host.path(daemon.folder)
    return [found for what, path in places.items() if (found := _check_room(host, what, path))]


def _check_room(host: Host, what: str, path: Path) -> Finding | None:
    free = next((free for place in (path, *path.parents) if (free := host.free(place)) is not None), None)
    if free is None:
        return None
    kind = file_system(host, path)
    text = f"{of_files(free)} free for {what}" + (f" ({kind})" if kind else "")
    if free < _LOW:
        return Finding("disk", "warning", text, "docker image ls; docker builder prune; or a larger disk")
    return Finding("disk", "good", text)


def file_system(host: Host, path: Path) -> str | None:
    """Return the kind of file system that a path is on, such as `ext4`."""
    real = os.path.realpath(path)
    found: tuple[str, str | None] = ("", None)
    for line in (host.read("/proc/mounts") or "").splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = words[1].replace("\\040", " ")
        is_above = real == point or real.startswith(point.rstrip("/") + "/")
        # Of two mounts at one place, the later one is on top.
        if is_above and len(point) >= len(found[0]):
            found = (point, words[2])
    return found[1]


def _find_windows_drive(host: Host, hub: Path) -> Iterator[Finding]:
    if find_platform(host) != "wsl2":
        return
    if file_system(host, hub) in _WINDOWS_FILE_SYSTEMS or _WINDOWS_DRIVE.match(str(hub)):
        text = f"{hub} is on a Windows drive, which WSL2 reads at about 20 MB/s: a model takes many minutes to load"
        yield Finding("hub", "warning", text, 'keep the hub in WSL2\'s own file system, such as `hub = "~/models/hub"`')


def _check_modes(host: Host, hub: Path) -> Finding:
    """Report the first file or folder that others cannot read.

    The container's user is not the one that fetched, and with all capabilities dropped modes apply to it.
    """
    if sys.platform == "win32":  # modes have no meaning there
        return Finding("hub", "good", f"the hub directory is {hub}")
    count = 0
    for path, mode in _walk(hub):
        count += 1
        is_folder = stat.S_ISDIR(mode)
        wanted = _FOLDER if is_folder else _FILE
        if mode & wanted != wanted:
            kind = "folder" if is_folder else "file"
            text = f"the container's user cannot read {path}: the {kind} has mode {stat.S_IMODE(mode):04o}"
            return Finding("hub", "bad", text, _how_to_open(host, hub))
        if host.seconds_left < _RESERVE:
            text = f"the first {count} files of {hub} can be read; the others were not checked for lack of time"
            return Finding("hub", "unknown", text, "modelgen verify --quick")
    return Finding("hub", "good", f"{hub} can be read by the containers' user, {count} files and folders")


def _how_to_open(host: Host, hub: Path) -> str:
    kind = file_system(host, hub)
    command = f"chmod -R a+rX {shlex.quote(str(hub))}"
    options = options_that_open(kind)
    return command if options is None else f"{command}, or if that has no effect, mount {kind} with `{options}`"


def _walk(hub: Path) -> Iterator[tuple[str, int]]:
    """Yield every path that a container may read, with its mode; without incomplete downloads."""
    yield str(hub), hub.stat().st_mode
    folders = [path for path, _ in _scan(str(hub)) if os.path.basename(path).startswith("models--")]  # noqa: PTH119
    assets = os.path.join(hub, ASSETS)  # noqa: PTH118
    folders += [assets] if os.path.isdir(assets) else []  # noqa: PTH112
    for folder in folders:
        yield folder, os.stat(folder).st_mode  # noqa: PTH116
    while folders:
        for path, mode in _scan(folders.pop()):
            if stat.S_ISDIR(mode):
                folders.append(path)
            if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not path.endswith(".incomplete")):
                yield path, mode


def _scan(folder: str) -> list[tuple[str, int]]:
    """Return the paths in a folder with their modes; empty if it cannot be listed, which its own mode shows."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # removed meanwhile
                found.append((entry.path, entry.stat(follow_symlinks=False).st_mode))
    return sorted(found)
