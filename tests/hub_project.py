"""A folder with a models.toml for models of the hub's double, and `modelgen` run in it as a user does."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from compiling import modelgen, start
from modelgen.lockfile.entries import File, Lock, Snapshot
from modelgen.lockfile.writing import render_lock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from hub_double import Hub

_LARGE = (".bin", ".gguf", ".safetensors")
BY_RANGES = "from modelgen.hub.fetching import bringing, collecting\nbringing.LARGE = collecting.LARGE = 10_000_000"
"""Code for a run in which files of 10 MB come by ranges, as those of 100 MB do."""


class Project:
    """A models.toml with one vLLM model a repository, and the lock that belongs to it.

    The lock is made here from the files themselves, so that tests of what reads it need no other command.
    """

    before = ""
    """Code that each run begins with."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.hub = folder / "models" / "hub"
        self.snapshots: list[Snapshot] = []

    def want(self, repo: str, files: Mapping[str, bytes | Path], commit: str, **keys: str) -> Snapshot:
        """Add a model whose files are known, and write models.toml and its lock anew."""
        config = files.get("config.json")
        entry = Snapshot(
            repo=repo,
            commit=commit,
            revision=keys.get("revision"),
            models=[keys.get("model", repo.rpartition("/")[2])],
            files=[locked_file(path, data) for path, data in files.items()],
            config=config.decode() if isinstance(config, bytes) else None,
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
        return modelgen(*args, cwd=self.folder, env={**self.environment, **environment}, before=self.before)

    def start(self, *args: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command line in the folder, to be waited for or killed."""
        return start(*args, cwd=self.folder, env={**self.environment, **environment}, before=self.before)

    def damage(self) -> list[str]:
        """Return what is not as the lock says, found by nothing of modelgen's."""
        return [f"{entry.repo}: {found}" for entry in self.snapshots for found in self._damage(entry)]

    def _damage(self, entry: Snapshot) -> Iterator[str]:
        snapshot = self.snapshot(entry)
        for file in entry.files:
            path = snapshot / file.path
            if not path.is_file():
                yield f"{file.path} is missing"
            elif locked_file(file.path, path) != file:
                yield f"{file.path} is damaged"
            elif path.stat().st_mode & 0o777 != 0o644:
                yield f"{file.path} has mode {path.stat().st_mode:o}"
        ref = snapshot.parents[1] / "refs" / (entry.revision or "main")
        if not ref.is_file() or ref.read_bytes() != entry.commit.encode():
            yield f"refs/{ref.name} is wrong"
        tree = snapshot.parents[1] / "trees" / f"{entry.commit}.json"
        if not tree.is_file() or {*json.loads(tree.read_bytes())["files"]} != {file.path for file in entry.files}:
            yield "its listing is wrong"
        # A client that was killed while it tried whether links can be leaves the folder of its trial for a minute.
        for folder, inside, _ in os.walk(snapshot.parents[1]):
            inside[:] = [name for name in inside if not name.startswith("tmp")]
            if Path(folder).stat().st_mode & 0o777 != 0o755:
                yield f"{folder} has mode {Path(folder).stat().st_mode:o}"

    def snapshot(self, entry: Snapshot) -> Path:
        """Return the folder that an engine opens."""
        return self.hub / f"models--{entry.repo.replace('/', '--')}" / "snapshots" / entry.commit

    def blob(self, entry: Snapshot, path: str) -> Path:
        """Return the blob of a file."""
        return self.snapshot(entry).parent.parent / "blobs" / entry.by_path[path].etag


def project(folder: Path, hub: Hub, repos: Mapping[str, Mapping[str, bytes | Path]]) -> Project:
    """Put repositories into the double, and return a project that wants them all."""
    made = Project(folder, hub.environment)
    for repo, files in repos.items():
        made.want(repo, files, hub.add(repo, files))
    return made


def locked_file(path: str, data: bytes | Path) -> File:
    """Return the lock's entry of a file, by the hub's rule of what is large."""
    size = len(data) if isinstance(data, bytes) else data.stat().st_size
    if size > 10_000 or path.endswith(_LARGE):
        if isinstance(data, bytes):
            return File(path=path, size=size, sha256=hashlib.sha256(data).hexdigest())
        return File(path=path, size=size, sha256=_sha256(data, data.stat().st_mtime_ns))
    content = data if isinstance(data, bytes) else data.read_bytes()
    return File(path=path, size=size, blob=hashlib.sha1(b"blob %d\0%s" % (size, content)).hexdigest())


@cache
def _sha256(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
