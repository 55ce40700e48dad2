"""Two projects on one hub directory, for tests of what one does to the other."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from hub_project import Project

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub

CONFIG = b'{"architectures": ["Qwen3ForCausalLM"]}'
REPO = "models--org--model"


class Sharing(Project):
    """A project in `folder` with the hub directory of another one."""

    def __init__(self, folder: Path, hub: Hub, shared: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, hub.environment)
        self.hub = shared

    def write(self) -> None:
        super().write()
        path = self.folder / "models.toml"
        path.write_text(path.read_text().replace("./models/hub", self.hub.as_posix()))

    def verify(self, *args: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit code and the findings."""
        done = self.run("verify", "--format", "json", *args)
        return done.returncode, json.loads(done.stdout)["findings"]

    def fetch(self) -> subprocess.CompletedProcess[str]:
        """Fetch, which must succeed."""
        done = self.run("fetch")
        assert done.returncode == 0, done.stderr
        return done


def files_of(weights: bytes) -> dict[str, bytes]:
    """Return a small model."""
    return {"config.json": CONFIG, "model.safetensors": weights}


def two_projects(hub: Hub, tmp_path: Path) -> tuple[Sharing, Sharing]:
    """Return two projects that have fetched different commits of one repository, the second one later."""
    shared = tmp_path / "hub"
    first, second = (Sharing(tmp_path / name, hub, shared) for name in ("first", "second"))
    for number, project in enumerate((first, second)):
        files = files_of(bytes([number]) * 50_000)
        project.want("org/model", files, hub.add("org/model", files))
        project.fetch()
    return first, second


def blocks(folder: Path) -> int:
    """Return the bytes of the disk that the files below a folder take, each once."""
    found = {}
    for path in _files(folder):
        status = path.lstat()
        found[status.st_dev, status.st_ino] = status.st_blocks * 512 if path.is_file() and not path.is_symlink() else 0
    return sum(found.values())


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield folder.__class__(root, name)
