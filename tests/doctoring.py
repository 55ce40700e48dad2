"""A host to look at: programs that are small scripts, and files below a folder."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiling import complete
from modelgen.load import load
from modelgen.operate.doctor import Finding, Host, Wanted, examine

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = complete('[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }')
HOSTS = Path(__file__).parent / "hosts"
QUERY = "--query-gpu=index,uuid,name,memory.total,driver_version --format=csv,noheader,nounits"
CARD = "0, GPU-1111, NVIDIA GeForce RTX 4090, 24564, 570.195.03"
INFO = {
    "ServerVersion": "28.3.2",
    "OperatingSystem": "Debian GNU/Linux 12",
    "KernelVersion": "6.1.0-amd64",
    "Architecture": "x86_64",
    "MemTotal": 67_400_000_000,
    "CgroupDriver": "cgroupfs",
    "CgroupVersion": "2",
    "DockerRootDir": "/var/lib/docker",
    "Runtimes": {"runc": {}, "nvidia": {}},
    "CDISpecDirs": ["/etc/cdi"],
}


class RoomyHost(Host):
    """A host whose disks have room, whatever the disk of the tests has."""

    def free(self, place: Path) -> int | None:
        return None if super().free(place) is None else 2**40


class FakeHost:
    """A good host with one card; tests make it worse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin, self.root, self.home = (folder / name for name in ("bin", "root", "home"))
        for path in (self.bin, self.root, self.home):
            path.mkdir()
        self.environment = {"PATH": str(self.bin), "HOME": str(self.home)}
        self.docker()
        self.cards(CARD)
        self.program("getenforce", {"": "Disabled"})
        self.file("/proc/version", "Linux version 6.1.0-amd64")
        self.file("/proc/mounts", "/dev/sda1 / ext4 rw 0 0\n")
        self.settings({"pruneFilters": ["label!=modelgen.keep"]})
        self.file("/var/lib/docker/image", "")
        weights = folder / "models" / "hub" / "models--a--b" / "blobs" / "0"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"weights")
        for path in (weights, *weights.relative_to(folder).parents):
            (folder / path).chmod(0o644 if path == weights else 0o755)

    def program(self, name: str, answers: Mapping[str, str | tuple[int, str]]) -> None:
        """Make a program that answers by its arguments; what it says when it fails goes to stderr."""
        script = '#!/bin/sh\ncase "$*" in\n'
        for arguments, answer in answers.items():
            code, text = answer if isinstance(answer, tuple) else (0, answer)
            script += (
                f"{shlex.quote(arguments)}) printf '%s\\n' {shlex.quote(text)} {'>&2' if code else ''}; exit {code};;\n"
            )
        self.script(name, script + '*) echo "what is $*?" >&2; exit 64;;\nesac\n')

    def script(self, name: str, text: str) -> None:
        """Make a program of a script."""
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def docker(
        self,
        version: str | tuple[int, str] = "28.3.2",
        *,
        api: str = "1.51",
        info: Mapping[str, Any] | None = None,
        compose: str | tuple[int, str] = "2.40.3",
        endpoint: str = "unix:///var/run/docker.sock",
        ps: str = "",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Make a `docker`; a version of an exit code and a text is a daemon that does not answer."""
        server = {"Server": {"Version": version, "ApiVersion": api}}
        is_there = isinstance(version, str)
        told = {**INFO, **({"ServerVersion": version} if is_there else {"ServerVersion": ""}), **(info or {})}
        self.program(
            "docker",
            {
                "version --format {{json .}}": json.dumps(server) if isinstance(version, str) else version,
                "info --format {{json .}}": json.dumps(told),
                "compose version --short": compose,
                "context inspect --format {{.Endpoints.docker.Host}}": endpoint,
                "ps --format {{.Names}}\t{{.Ports}}": ps,
                **(more or {}),
            },
        )

    def cards(self, *rows: str, slices: str = "", capabilities: str | None = None) -> None:
        """Make an `nvidia-smi`; without `capabilities`, it is too old to print them."""
        answers: dict[str, str | tuple[int, str]] = {QUERY: "\n".join(rows), "-L": slices}
        if capabilities is not None:
            answers["--query-gpu=uuid,compute_cap --format=csv,noheader,nounits"] = capabilities
        self.program("nvidia-smi", answers)

    def file(self, path: str, text: str) -> Path:
        """Make a file of the system."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def settings(self, settings: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Write the Docker client's settings."""
        path = self.home / ".docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(settings))

    def be(self, name: str) -> None:
        """Become a host of tests/hosts: its programs print what public threads show, and its files are below `root`."""
        like = HOSTS / name
        if (info := like / "docker-info.json").exists():
            version = like / "docker-version.json"
            answers = {"version --format {{json .}}": version.read_text()} if version.exists() else {}
            self.docker(info=json.loads(info.read_text()), more=answers)
        if (programs := like / "bin").exists():
            shutil.copytree(programs, self.bin, dirs_exist_ok=True)
        if (files := like / "root").exists():
            shutil.copytree(files, self.root, dirs_exist_ok=True)

    def lose(self, *programs: str) -> None:
        """Remove programs."""
        for name in programs:
            (self.bin / name).unlink()

    def host(self, patience: float = 20) -> Host:
        """Return the host as the doctor looks at it."""
        return RoomyHost(self.environment, self.root, patience)

    def examine(self, toml: str = PROJECT, patience: float = 20) -> list[Finding]:
        """Return what the doctor finds."""
        document, _, _ = load(toml.encode())
        assert document is not None
        hub = Path(os.path.normpath(self.folder / document.config.project.hub))
        return examine(self.host(patience), Wanted(document, hub))

    def wrong(self, toml: str = PROJECT) -> list[tuple[str, str, str, str]]:
        """Return all that is not good. `PROJECT` gets a free port: on 8080, another program may listen."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        text = f'{PROJECT}[orchestrator]\nlisten = "127.0.0.1:{port}"\n' if toml is PROJECT else toml
        return [
            (found.subject, found.state, found.message, found.help)
            for found in self.examine(text)
            if found.state != "good"
        ]
