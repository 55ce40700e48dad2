"""Records of running processes on disk, by which the next orchestrator finds them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from modelgen_runtime.drivers.driver import DriverError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen_runtime.manifest import Process

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One process.

    Args:
        model: Id of its model.
        pid: Its pid, which is also the id of its group.
        identity: Distinguishes it from other processes with the same pid.
        port: TCP port of the engine.
        generation: Identifies its start.
        digest: Digest of its configuration.
        grace: Seconds from SIGTERM to SIGKILL, if its model is no longer in the manifest.
    """

    model: str
    pid: int
    identity: str
    port: int
    generation: str
    digest: str
    grace: float


def digest_process(process: Process) -> str:
    """Return a digest of the configuration of a process, including its environment."""
    text = json.dumps(dataclasses.asdict(process), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Replace the file by these records.

    It is not flushed to the disk: what a power failure takes away are records of processes that it has ended.
    """
    tree = {"format": _FORMAT, "engines": [dataclasses.asdict(record) for record in records]}
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(tree, indent=2) + "\n")
    draft.replace(path)


def read_records(path: Path) -> list[Record]:
    """Return the records of a file; none if the file is missing, or empty after a power failure.

    Raises:
        DriverError: It is damaged, or of another format.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    if not data:
        return []
    try:
        tree = json.loads(data)
        if tree["format"] != _FORMAT:
            raise DriverError(f"{path} has format {tree['format']}, this orchestrator reads {_FORMAT}: {_WAY_OUT}")
        return [_read_record(item) for item in tree["engines"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DriverError(f"{path} is damaged ({error}): {_WAY_OUT}") from error


_WAY_OUT = "end the engines that still run, if any, and remove the file"


def _read_record(item: dict[str, Any]) -> Record:
    for name, kind in get_type_hints(Record).items():
        if type(item[name]) is not kind:
            raise ValueError(f"`{name}` must be of type {kind.__name__}")
    record = Record(**item)
    if record.pid <= 1:  # as a group id, 1 and less mean all processes that may be signalled
        raise ValueError(f"`pid` cannot be {record.pid}")
    return record
