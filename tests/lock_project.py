"""A models.toml beside a double of the hub, `modelgen lock` run as a user does, and a `docker` that is a program."""

from __future__ import annotations

import json
import struct
import sys
from typing import TYPE_CHECKING, Any

from compiling import complete, modelgen
from modelgen.lockfile.reading import parse_lock

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from hub_double import Hub
    from modelgen.lockfile.entries import Lock, Snapshot

_DOCKER = """#!{python}
# Docker's command line as far as `modelgen lock` uses it: what it knows is in world.json.
import json, pathlib, subprocess, sys, time
here = pathlib.Path(__file__).parent
world = json.loads((here / "world.json").read_text())
arguments = sys.argv[1:]
with (here / "asked").open("a") as log:
    print(*arguments, file=log)
if world.get("hangs") is True or world.get("hangs") and world["hangs"] in arguments[-1]:
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
if arguments[:2] == ["image", "inspect"]:
    if arguments[2] in world["engine"]:
        print(json.dumps([world["engine"][arguments[2]]]))
        sys.exit(0)
    print("[]")
    sys.exit(f"Error response from daemon: No such image: {{arguments[2]}}")
if arguments[:3] == ["manifest", "inspect", "--verbose"]:
    if arguments[3] in world["registry"]:
        print(json.dumps(world["registry"][arguments[3]], indent=1))
        sys.exit(0)
    sys.exit(f"no such manifest: {{arguments[3]}}")
sys.exit(f"unknown: {{arguments}}")
"""


class Project:
    """A folder with a models.toml."""

    def __init__(self, folder: Path, hub: Hub, fragment: str) -> None:
        self.folder = folder
        self.hub = hub
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.environment = {**hub.environment, "PATH": str(self.bin)}
        self.write(fragment)

    @property
    def hub_folder(self) -> Path:
        """Return the hub directory."""
        return self.folder / "models" / "hub"

    @property
    def path(self) -> Path:
        """Return where the lock is."""
        return self.folder / "models.lock"

    def write(self, fragment: str) -> None:
        """Write models.toml."""
        (self.folder / "models.toml").write_text(complete(fragment))

    def run(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `modelgen lock`."""
        return modelgen("lock", *args, cwd=self.folder, env={**self.environment, **environment})

    def lock(self, *args: str, **environment: str) -> Lock:
        """Run `modelgen lock`, which has to go well, and return what it wrote."""
        done = self.run(*args, **environment)
        assert done.returncode == 0, done.stderr
        return self.read()

    def read(self) -> Lock:
        """Return the lock."""
        lock, found = parse_lock(self.path.read_bytes())
        assert lock is not None, found
        return lock

    def entry(self, repo: str) -> Snapshot:
        """Return the lock's entry of a repository."""
        [entry] = [entry for entry in self.read().snapshots if entry.repo == repo]
        return entry

    def docker(self, *, engine: Any = None, registry: Any = None, hangs: bool | str = False) -> None:  # noqa: ANN401 - JSON
        """Put a `docker` on the PATH that knows these images; `hangs` may name a registry that never answers."""
        world = {"engine": engine or {}, "registry": registry or {}, "hangs": hangs}
        (self.bin / "world.json").write_text(json.dumps(world))
        program = self.bin / "docker"
        program.write_text(_DOCKER.format(python=sys.executable))
        program.chmod(0o755)

    def asked(self) -> list[str]:
        """Return what `docker` was asked since the last time, and forget it."""
        log = self.bin / "asked"
        asked = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return sorted(asked)


def model(name: str, repo: str, keys: str = "") -> str:
    """Return a model's table."""
    return f'[models."{name}"]\nrepo = "{repo}"\nargs = {{ max-model-len = 8 }}\n{keys}\n'


def program(name: str, repo: str, keys: str = "") -> str:
    """Return the table of a program that reads what it likes of a repository."""
    command = 'engine = "command"\nimage = "server:1"\ncommand = ["serve"]'
    return f'[models."{name}"]\n{command}\nrepo = "{repo}"\n{keys}\n'


def safetensors(*, padding: int = 0, missing: int = 0, **tensors: tuple[str, int]) -> bytes:
    """Return a safetensors file with tensors of these dtypes and bytes, after a header that may be padded."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    size = 0
    for name, (dtype, count) in tensors.items():
        header[name] = {"dtype": dtype, "shape": [count], "data_offsets": [size, size + count]}
        size += count
    text = json.dumps(header).encode() + b" " * padding
    return struct.pack("<Q", len(text)) + text + b"w" * (size - missing)
