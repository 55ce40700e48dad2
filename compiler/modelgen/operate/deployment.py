"""One deployment on one Docker host: what is there of it, and what Compose does with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.operate.docker import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FILE = "docker-compose.yml"
_OVERRIDE = "docker-compose.override.yml"
_FIELDS = (
    '{{.Names}}\t{{.State}}\t{{.Image}}\t{{.Label "com.docker.compose.service"}}\t'
    '{{.Label "com.docker.compose.config-hash"}}\t{{.Label "modelgen.model"}}'
)


@dataclass(frozen=True)
class Container:
    """A container of the deployment.

    Args:
        name: Of it.
        service: Of which service.
        is_running: Whether it runs.
        image: The name that it was made by; an id where that name is another image's now.
        digest: Compose's own of its configuration.
        model: Id of the model that it serves, or "".
    """

    name: str
    service: str
    is_running: bool
    image: str
    digest: str
    model: str


@dataclass(frozen=True)
class Deployment:
    """A folder that was built, and its project.

    Args:
        folder: The output directory.
        project: Name of the Compose project.
    """

    folder: Path
    project: str

    def containers(self) -> dict[str, Container]:
        """Return the containers that exist, by service. Raises as `run` does."""
        label = f"label=com.docker.compose.project={self.project}"
        found = {}
        for line in run(["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", _FIELDS]).splitlines():
            name, state, image, service, digest, model = line.split("\t")
            found[service] = Container(name, service, state == "running", image, digest, model)
        return found

    def digests(self, text: bytes) -> dict[str, str]:
        """Return Compose's digest of each service of a file that need not be written yet. Raises as `run` does.

        Args:
            text: Of the file; the override beside it counts.
        """
        command = [*self._compose(file="-"), "config", "--hash", "*"]
        pairs = (line.split() for line in run(command, folder=self.folder, given=text).splitlines())
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def create(self, services: Iterable[str]) -> None:
        """Create the containers of these services, anew where they have changed, and start none. Raises as `run`."""
        run([*self._compose(), "create", "--no-build", "--pull", "never", *services], folder=self.folder)

    def start(self, service: str) -> None:
        """Have a service run as the file says. Raises as `run` does."""
        run(
            [*self._compose(), "up", "--detach", "--no-deps", "--no-build", "--pull", "never", service],
            folder=self.folder,
        )

    def remove(self, containers: Iterable[str]) -> None:
        """Stop and remove containers by name. Raises as `run` does."""
        for name in containers:
            run(["docker", "stop", name])
            run(["docker", "rm", name])

    def down(self) -> None:
        """Stop and remove all containers and networks; volumes stay. Raises as `run` does."""
        run([*self._compose(), "down", "--remove-orphans"], folder=self.folder)

    def _compose(self, *, file: str = _FILE) -> list[str]:
        """All profiles are on: a service that is off would be no part of the project."""
        files = [file, *([_OVERRIDE] if (self.folder / _OVERRIDE).is_file() else [])]
        options = [part for name in files for part in ("--file", name)]
        return ["docker", "compose", "--project-directory", ".", *options, "--profile", "*"]
