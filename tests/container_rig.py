"""Where the container driver is tested: over containers of the fake engine on a network of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelgen_runtime.drivers.containers.driver import ContainerDriver
from modelgen_runtime.manifest import Container
from runtime_serving import engine

if TYPE_CHECKING:
    from modelgen_runtime.manifest import Model

SOCKET = "unix:///var/run/docker.sock"
_PORT = 8000
_ENGINES = Path(__file__).parent / "runtime"


class ContainerRig:
    """Containers as modelgen emits them, as far as starting and stopping goes.

    Args:
        image: Has Python.
        prefix: Of the names of everything that is made.
        address: Of what the driver asks.
        docker: Of the Docker Engine itself.
    """

    def __init__(self, image: str, prefix: str, address: str = SOCKET, docker: str = SOCKET) -> None:
        self.image, self.prefix, self.address, self._host = image, prefix, address, docker
        self.network = f"{prefix}-network"
        # Docker finds a network that is free; its addresses can be chosen only where somebody has asked for it by name.
        self.docker("network", "create", self.network)
        [network] = json.loads(self.docker("network", "inspect", self.network))
        self.docker("network", "rm", self.network)
        subnet = network["IPAM"]["Config"][0]["Subnet"]
        self.docker("network", "create", "--internal", "--subnet", subnet, self.network)
        self._first = subnet.partition("/")[0].rsplit(".", 1)[0]

    def driver(self) -> ContainerDriver:
        return ContainerDriver(self.address)

    def model(self, name: str, *options: str, **fields: Any) -> Model:  # noqa: ANN401 - whatever the field holds
        container = f"{self.prefix}-{name}"
        host = f"{self._first}.{10 + ord(name[0]) - ord('a')}"  # who listens on none is told from who is not there
        command = ("python3", "-S", "-E", "/engines/fake_engine.py", "--host", "0.0.0.0", "--port", str(_PORT))
        options = options if "--name" in options else (*options, "--name", name)
        self.docker(
            *("create", "--pull", "never", "--name", container, "--network", self.network, "--ip", host),
            *("--memory", "256m", "--init", "--volume", f"{_ENGINES}:/engines:ro", "--entrypoint", command[0]),
            *(self.image, *command[1:], *options),
        )
        return engine(name, gib=0, process=None, container=Container(container, host, _PORT), **fields)

    def missing(self, name: str) -> Model:
        return engine(name, process=None, container=Container(f"{self.prefix}-{name}", "127.0.0.1", _PORT))

    def processes(self, model: Model) -> list[int]:
        """As Docker lists them, without the `init` that it puts before the engine."""
        assert model.container is not None
        listing = self._run(("top", model.container.name, "-eo", "pid,comm"), check=False).stdout
        rows = [line.split() for line in listing.splitlines()[1:]]
        return [int(pid) for pid, command in rows if command != "docker-init"]

    def remove(self) -> None:
        """Remove everything that was made."""
        names = self.docker("ps", "--all", "--quiet", "--filter", f"name=^{self.prefix}-").split()
        if names:
            self.docker("rm", "--force", "--volumes", *names)
        self.docker("network", "rm", self.network)

    def docker(self, *arguments: str) -> str:
        """Run a command of Docker's and return what it printed."""
        return self._run(arguments, check=True).stdout.strip()

    def _run(self, arguments: tuple[str, ...], *, check: bool) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DOCKER_HOST": self._host}
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0 or not check, done.stderr
        return done
