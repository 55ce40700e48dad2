"""Holds a process driver until it is killed: `driver_holder.py STATE MANIFEST`.

It prints `begun`, starts every model of the manifest, and prints `started MODEL PORT GENERATION` for each.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from modelgen_runtime.drivers.processes.driver import ProcessDriver
from modelgen_runtime.manifest import Model, read_manifest


async def hold(state: Path, models: list[Model]) -> None:
    driver = ProcessDriver(state)
    await driver.adopt(models, lambda model, exit_: print("exit", model, exit_.code, flush=True))
    print("begun", flush=True)
    for model in models:
        endpoint = await driver.start(model)
        print("started", model.id, endpoint.port, endpoint.generation, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(Path(sys.argv[1]), list(read_manifest(Path(sys.argv[2]).read_bytes()).models)))
