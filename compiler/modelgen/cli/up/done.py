"""Record the result of the last `up`, so that the next one can skip compiling when nothing has changed.

The record is a hint, not a proof: files and containers are compared each time. If the record is missing, damaged or out
of date, `up` runs every step.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelgen import __version__
from modelgen.cli.compiling import lock_path, read_config, read_lock, read_measured
from modelgen.cli.state_folder import NAME, UP_DONE, write_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.cli.up.end import Running
    from modelgen.operate.deployment import Deployment

_OVERRIDE = "docker-compose.override.yml"


def note_done(config: Path, deployment: Deployment, listen: str, flag_files: Iterable[str] = ()) -> None:
    """Record the current state.

    Args:
        config: Path of models.toml.
        deployment: What runs.
        listen: The orchestrator's address.
        flag_files: The paths of the YAML files of flags that models.toml names.
    """
    from modelgen.output import seal

    files = [os.path.abspath(path) for path in flag_files]  # noqa: PTH100 - links stay as the user has them
    note = {
        "project": deployment.project,
        "flag_files": files,
        "inputs": _inputs(config, deployment.folder, files),
        "output": seal(deployment.folder),
        "containers": _containers(deployment),
        "listen": listen,
    }
    write_state(config.parent / NAME, {UP_DONE: json.dumps(note, indent=2).encode() + b"\n"})


def find_unchanged(config: Path, out: Path | None) -> Running | None:
    """Return the running orchestrator if nothing has changed since the last `up`, else None."""
    try:
        note = json.loads((config.parent / NAME / UP_DONE).read_bytes())
        folder = (config.parent / "build" if out is None else out).absolute()
        if not isinstance(note, dict) or note["inputs"] != _inputs(config, folder, note["flag_files"]):
            return None
        return _find_running(note, config, folder)
    except (OSError, ValueError, LookupError):
        return None


def _find_running(note: dict[str, Any], config: Path, folder: Path) -> Running | None:
    from modelgen.cli.control.remote import find_orchestrator, url_of
    from modelgen.cli.hub.known_complete import find_hub, is_known_complete
    from modelgen.cli.up.end import Running
    from modelgen.operate.control import UnreachableError
    from modelgen.operate.deployment import Deployment
    from modelgen.output import seal

    if note["output"] is None or note["output"] != seal(folder):
        return None
    if read_lock(config) is not None and not is_known_complete(config, find_hub(config)):
        return None
    if note["containers"] != _containers(Deployment(folder, note["project"])):
        return None
    orchestrator = find_orchestrator(config, url_of(note["listen"]))
    try:
        orchestrator.ask("GET", "/healthz")
    except UnreachableError:
        return None
    return Running(orchestrator)


def _containers(deployment: Deployment) -> dict[str, list[str | bool]]:
    """Return the containers as recorded; for the orchestrator and its socket proxy also whether they run."""
    return {
        name: [one.digest, one.image, one.folder, one.is_running or bool(one.model)]
        for name, one in sorted(deployment.containers().items())
    }


def _inputs(config: Path, folder: Path, flag_files: Iterable[str]) -> str:
    """Return a digest of all inputs of a build."""
    override = folder / _OVERRIDE
    parts = [read_config(config), read_lock(config) or b"", read_measured(config) or b""]
    parts.append(override.read_bytes() if override.is_file() else b"")
    parts += [Path(path).read_bytes() for path in flag_files]
    digest = hashlib.sha256(f"{__version__} {lock_path(config)} {folder}".encode(errors="surrogateescape"))
    for part in (*parts, *_own_files()):
        digest.update(b"%d " % len(part))
        digest.update(part)
    return digest.hexdigest()


def _own_files() -> Iterator[bytes]:
    """Yield name, size and time of modelgen's own files: during development the version stays the same."""
    import modelgen_runtime
    from modelgen.targets.places import TEMPLATES

    for root in (Path(__file__).parent.parent, Path(modelgen_runtime.__file__).parent, TEMPLATES):
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                path = os.path.join(folder, name)  # noqa: PTH118 - three hundred of them, in milliseconds
                found = os.stat(path)  # noqa: PTH116
                yield f"{path} {found.st_size} {found.st_mtime_ns}".encode(errors="surrogateescape")
