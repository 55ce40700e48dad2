"""A folder with a models.toml for models of the hub's double, and `modelgen` run in it as a user does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from compiling import modelgen
from modelgen.lockfile.entries import File, Lock, Snapshot
from modelgen.lockfile.writing import render_lock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from hub_double import Hub

_LARGE = (".bin", ".gguf", ".safetensors")


class Project:
    """A models.toml with one vLLM model a repository, and the lock that belongs to it.

    The lock is made here from the files themselves, so that tests of what reads it need no other command.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.hub = folder / "models" / "hub"
        self.snapshots: list[Snapshot] = []

    def want(self, repo: str, files: Mapping[str, bytes], commit: str, **keys: str) -> Snapshot:
        """Add a model whose files are known, and write models.toml and its lock anew."""
        entry = Snapshot(
            repo=repo,
            commit=commit,
            revision=keys.get("revision"),
            models=[repo.rpartition("/")[2]],
            files=[locked_file(path, data) for path, data in files.items()],
            config=files["config.json"].decode() if "config.json" in files else None,
        )
        self.snapshots.append(entry)
        self.write()
        return entry

    def write(self) -> None:
        """Write models.toml and models.lock."""
        models = "".join(
            f'[models."{entry.models[0]}"]\nrepo = "{entry.repo}"\n'
            + (f'revision = "{entry.revision}"\n' if entry.revision else "")
            + "args = { max-model-len = 8 }\n"
            for entry in self.snapshots
        )
        (self.folder / "models.toml").write_text(
            '[project]\nname = "demo"\nhub = "./models/hub"\n'
            f'[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n{models}'
        )
        (self.folder / "models.lock").write_bytes(render_lock(Lock(snapshots=self.snapshots)))

    def run(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder."""
        return modelgen(*args, cwd=self.folder, env={**self.environment, **environment})

    def snapshot(self, entry: Snapshot) -> Path:
        """Return the folder that an engine opens."""
        return self.hub / f"models--{entry.repo.replace('/', '--')}" / "snapshots" / entry.commit

    def blob(self, entry: Snapshot, path: str) -> Path:
        """Return the blob of a file."""
        return self.snapshot(entry).parent.parent / "blobs" / entry.by_path[path].etag


def project(folder: Path, hub: Hub, repos: Mapping[str, Mapping[str, bytes]]) -> Project:
    """Put repositories into the double, and return a project that wants them all."""
    made = Project(folder, hub.environment)
    for repo, files in repos.items():
        made.want(repo, files, hub.add(repo, files))
    return made


def locked_file(path: str, data: bytes) -> File:
    """Return the lock's entry of a file, by the hub's rule of what is large."""
    if len(data) > 10_000 or path.endswith(_LARGE):
        return File(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return File(path=path, size=len(data), blob=hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest())
