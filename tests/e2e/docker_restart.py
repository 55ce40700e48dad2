"""A driver whose Docker Engine is ended and started again under it; run as a program, in a network of its own.

Usage: unshare --net python3 docker_restart.py IMAGE FOLDER "engines end with it"|"engines survive it"
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from private_engine import PrivateEngine

from container_rig import ContainerRig
from modelgen_runtime.engines.probing import ask
from runtime_drivers import PATIENCE, begun


async def restart(rig: ContainerRig, own: PrivateEngine, *, survive: bool) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        endpoint = await watched.start_ready(model)
        lines = watched.driver.follow("a")
        await asyncio.to_thread(own.end)
        await asyncio.to_thread(own.start)
        if survive:
            await ask(endpoint, "/again", seconds=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while "GET /again" not in await anext(lines):
                    pass
            assert watched.exits.empty()
            os.kill(rig.processes(model)[0], signal.SIGKILL)
        name, exit_ = await watched.next_exit()
        assert (name, exit_.generation) == ("a", endpoint.generation)
        again = await watched.start_ready(model)
        assert again.generation != endpoint.generation
        await watched.driver.stop(model)


def main(image: str, folder: Path, kind: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    survive = kind == "engines survive it"
    own = PrivateEngine(folder, ["--live-restore"] if survive else [])
    own.start()
    try:
        own.load(image)
        rig = ContainerRig(image, "modelgen-e2e-rig", own.address, own.address)
        asyncio.run(restart(rig, own, survive=survive))
        rig.remove()
    finally:
        own.end()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
