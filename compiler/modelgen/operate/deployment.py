"""Represent one deployment on one Docker host: its containers, and the calls of Compose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import InputError
from modelgen.operate.docker import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FILE = "docker-compose.yml"
_OVERRIDE = "docker-compose.override.yml"
_OWN = ("orchestrator", "socket-proxy")
_FIELDS = (
    '{{.Names}}\t{{.State}}\t{{.Image}}\t{{.Label "com.docker.compose.service"}}\t'
    '{{.Label "com.docker.compose.config-hash"}}\t{{.Label "modelgen.model"}}\t'
    '{{.Label "com.docker.compose.project.working_dir"}}'
)


@dataclass(frozen=True)
class Container:
    """A container of the deployment.

    Args:
        name: The container's name.
        service: The name of its service.
        is_running: Whether it runs.
        image: The image that it was created from; an id if the name refers to another image now.
        digest: Compose's digest of its configuration.
        model: Id of the model that it serves, or "".
        folder: The folder that it was created from, as Compose records it.
    """

    name: str
    service: str
    is_running: bool
    image: str
    digest: str
    model: str
    folder: str = ""


@dataclass(frozen=True)
class Deployment:
    """An output directory and its Compose project.

    Args:
        folder: The output directory.
        project: The name of the Compose project.
    """

    folder: Path
    project: str

    def containers(self) -> dict[str, Container]:
        """Return the containers that exist, by service. Raises as `run` does."""
        label = f"label=com.docker.compose.project={self.project}"
        found = {}
        for line in run(["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", _FIELDS]).splitlines():
            name, state, image, service, digest, model, folder = line.split("\t")
            found[service] = Container(name, service, state == "running", image, digest, model, folder)
        return found

    def owner(self, found: Mapping[str, Container]) -> Path | None:
        """Return the folder that the containers were created from, if it is not this one, else None.

        Applications that the user adds to the project by an `include` of the file have a folder of their own.
        """
        ours = [one for one in found.values() if one.model or one.service in _OWN]
        folders = {one.folder for one in ours if one.folder}
        others = sorted(folder for folder in folders if os.path.realpath(folder) != os.path.realpath(self.folder))
        return Path(others[0]) if others else None

    def require_own(self, found: Mapping[str, Container], *, take_over: bool) -> None:
        """Refuse containers that were created from another folder for a project of this name, unless `take_over`.

        Raises:
            InputError: They belong to another folder.
        """
        owner = self.owner(found)
        if owner is not None and not take_over:
            raise InputError(
                f"the project `{self.project}` already has containers, created from {owner}, and this is "
                f"{self.folder}; set another `name` in [project], or replace those containers with --take-over"
            )

    def digests(self, text: bytes) -> dict[str, str]:
        """Return Compose's digest of each service in a file, which need not be written yet. Raises as `run` does.

        Args:
            text: The text of the file; the override beside it is applied.
        """
        command = [*self._compose(file="-"), "config", "--hash", "*"]
        pairs = (line.split() for line in run(command, folder=self.folder, given=text).splitlines())
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def create(self, services: Iterable[str], *, is_forced: bool = False) -> None:
        """Create the containers of these services and start none. Raises as `run` does.

        Args:
            services: The names of the services.
            is_forced: Recreate unchanged containers too.
        """
        options = ["--no-build", "--pull", "never", *(["--force-recreate"] if is_forced else [])]
        run([*self._compose(), "create", *options, *services], folder=self.folder)

    def start(self, service: str) -> None:
        """Start a service as in the file. Raises as `run` does."""
        run(
            [*self._compose(), "up", "--detach", "--no-deps", "--no-build", "--pull", "never", service],
            folder=self.folder,
        )

    def remove(self, containers: Iterable[str]) -> None:
        """Stop and remove containers by name. Raises as `run` does."""
        for name in containers:
            run(["docker", "stop", name])
            run(["docker", "rm", name])

    def remove_network(self, name: str, member: str | None = None) -> None:
        """Remove a network of the project, if it exists. Raises as `run` does.

        Args:
            name: The network's name without the project.
            member: A container to disconnect first.
        """
        network = f"{self.project}-{name}"
        if run(["docker", "network", "ls", "--quiet", "--filter", f"name=^{network}$"]):
            if member is not None:
                run(["docker", "network", "disconnect", "--force", network, member])
            run(["docker", "network", "rm", network])

    def down(self) -> None:
        """Stop and remove all containers and networks; keep volumes. Raises as `run` does."""
        run([*self._compose(), "down", "--remove-orphans"], folder=self.folder)

    def volumes(self) -> list[str]:
        """Return the names of the project's volumes that exist. Raises as `run` does."""
        label = f"label=com.docker.compose.project={self.project}"
        return run(["docker", "volume", "ls", "--quiet", "--filter", label]).split()

    def remove_volumes(self, names: Iterable[str]) -> None:
        """Remove volumes by name. Raises as `run` does."""
        run(["docker", "volume", "rm", *names])

    def _compose(self, *, file: str = _FILE) -> list[str]:
        """Return the base command with all profiles enabled, since Compose ignores services of disabled ones."""
        files = [file, *([_OVERRIDE] if (self.folder / _OVERRIDE).is_file() else [])]
        options = [part for name in files for part in ("--file", name)]
        return ["docker", "compose", "--project-directory", ".", *options, "--profile", "*"]
