"""A deployment that `modelgen up` runs: models of the fake engine, the orchestrator, the socket proxy."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from deployment import PREFIX
from docker_cli import docker, inspect, run

from compiling import REPOSITORY
from runtime_serving import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENGINES = REPOSITORY / "tests" / "runtime"
_HEAD = """
[project]
name = "{name}"
hub = "./models/hub"

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.command]
image = "{image}"

[orchestrator]
listen = "127.0.0.1:{port}"
drain_timeout = "20s"
"""
_MODEL = """
[models.{id}]
engine = "command"
command = ["python3", "-S", "/engines/fake_engine.py", "--host", "0.0.0.0", "--port", "{{port}}"{options}]
gpus = ["gpu0"]
gpu_memory = "{gib}GiB"
start_timeout = "{timeout}"
compose = {{ volumes = ["{engines}:/engines:ro"], mem_limit = "256m", stop_grace_period = "5s" }}
"""


@dataclass
class Running:
    """A folder with a models.toml, and what `up` makes of it.

    Args:
        folder: Of models.toml.
        project: Name of the Compose project.
        port: Where the orchestrator is published.
        image: Of the engines.
        wheels: What the orchestrator's image is built from.
    """

    folder: Path
    project: str
    port: int
    image: str
    wheels: Path

    @property
    def served(self) -> Served:
        """The orchestrator, to be asked."""
        return Served(self.folder, cast("subprocess.Popen[str]", None), self.port)  # Docker has its process

    def write(self, *models: str) -> None:
        """Write models.toml, and beside its output what this machine needs of it."""
        head = _HEAD.format(name=self.project, image=self.image, port=self.port)
        (self.folder / "models.toml").write_text(head + "".join(models))
        self.adapt(
            "  orchestrator: {ulimits: !reset null}\n"
            + "".join(
                f"  command-{line.split('.')[1][:-1]}: {{deploy: !reset null, ulimits: !reset null}}\n"
                for line in "".join(models).splitlines()
                if line.startswith("[models.")
            )
        )

    def adapt(self, services: str) -> None:
        """Write what this machine needs: the wheels, and services of an override, as YAML that is indented."""
        build = self.folder / "build"
        wheels = build / "orchestrator" / "wheels"
        wheels.parent.mkdir(parents=True, exist_ok=True)
        if not wheels.exists():
            wheels.symlink_to(self.wheels)
        (build / "docker-compose.override.yml").write_text(f"services:\n{services}")

    def modelgen(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as a user would, with the real `docker compose`."""
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
        done = subprocess.run(
            [sys.executable, "-m", "modelgen", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0 or not check, f"{arguments} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self) -> None:
        self.modelgen("up", "--yes")

    def container(self, service: str) -> str:
        return f"{self.project}-{service}"

    def id(self, service: str) -> str:
        return str(inspect(self.container(service))["Id"])

    def pid(self, service: str) -> int:
        """Return the first process of a container, as the host sees it."""
        return int(inspect(self.container(service))["State"]["Pid"])

    def engine_pid(self, model: str) -> int:
        """Return the engine's own process: the first is the `init` before it."""
        rows = docker("top", self.container(f"command-{model}"), "-eo", "pid,comm").splitlines()[1:]
        return next(int(row.split()[0]) for row in rows if row.split()[1] != "docker-init")

    def orchestrator_log(self) -> str:
        done = run(["docker", "logs", self.container("orchestrator")], check=False)
        return done.stdout + done.stderr

    def stream(self, model: str) -> Stream:
        """Begin a chat whose answer is streamed."""
        return Stream(self.port, {"model": model, "stream": True, "messages": [{"role": "user", "content": "x"}]})


class Stream:
    """A streamed answer, read line by line."""

    def __init__(self, port: int, body: dict[str, Any]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        data = json.dumps(body).encode()
        head = "POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(data)}\r\n\r\n"
        self.socket.sendall(head.encode() + data)
        self.file = self.socket.makefile("rb")

    def first(self) -> bytes:
        """Return the first event."""
        return next(line for line in self.file if line.startswith(b"data:"))

    def rest(self) -> bytes:
        """Return all that follows, and close."""
        with self.socket, self.file:
            return self.file.read()


def model(id_: str, *options: str, gib: int = 12, timeout: str = "20s") -> str:
    """Return the table of a model whose engine is the fake one with these options."""
    told = "".join(f', "{option}"' for option in ("--name", id_, *options))
    return _MODEL.format(id=id_, options=told, gib=gib, timeout=timeout, engines=ENGINES)


@contextlib.contextmanager
def running(folder: Path, name: str, image: str, wheels: Path) -> Iterator[Running]:
    """Yield a deployment that is not there yet; nothing of it is left afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = Running(folder, f"{PREFIX}{name}", port, image, wheels)
    try:
        yield found
    finally:
        remove(found.project)


def remove(project: str) -> None:
    """Remove all of a project."""
    label = f"label=com.docker.compose.project={project}"
    for list_, remove_ in (
        (("ps", "--all", "--quiet"), ("rm", "--force", "--volumes")),
        (("network", "ls", "--quiet"), ("network", "rm")),
        (("volume", "ls", "--quiet"), ("volume", "rm", "--force")),
    ):
        if names := docker(*list_, "--filter", label).split():
            docker(*remove_, *names)


def until(question: Any, seconds: float = 30.0) -> None:  # noqa: ANN401 - anything that answers
    """Return once a question is answered with yes."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
