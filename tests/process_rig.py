"""Where the process driver is tested: over a state of its own, with engines that only it has started."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from modelgen_runtime.drivers.processes.driver import ProcessDriver
from modelgen_runtime.manifest import Process
from runtime_serving import engine

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen_runtime.manifest import Model


class ProcessRig:
    def __init__(self, directory: Path, log_limit: int = 1 << 20) -> None:
        self.directory, self.log_limit = directory, log_limit

    def driver(self) -> ProcessDriver:
        return ProcessDriver(self.directory / "state", self.log_limit)

    def model(self, name: str, *options: str, **fields: Any) -> Model:  # noqa: ANN401 - whatever the field holds
        return engine(name, "--mark", self._mark(name), *options, gib=0, **fields)

    def missing(self, name: str) -> Model:
        return engine(name, process=Process(("no-such-engine", "--port", "{port}")))

    def processes(self, model: Model) -> list[int]:
        """Find them by a name in their arguments; workers that were forked have the same ones."""
        listing = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=", "-o", "stat=", "-o", "args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in listing.splitlines()]
        mark = self._mark(model.id)
        return [int(row[0]) for row in rows if len(row) == 3 and not row[1].startswith("Z") and mark in row[2].split()]

    def _mark(self, name: str) -> str:
        return f"{self.directory}/{name}"
