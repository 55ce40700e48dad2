"""A project whose hub directory is filled and whose build is written, and bundles that are made of it."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from compiling import build, complete, modelgen
from hub_on_disk import locked_file, write
from modelgen.hub.cache.layout import checkouts
from modelgen.lockfile.entries import Lock, Snapshot
from modelgen.lockfile.writing import render_lock
from modelgen.output import RECORD, complete_record

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

WITHOUT = ("--without", "images", "--without", "tool", "--no-prove")
CONFIG = b'{"model_type": "qwen3", "max_position_embeddings": 40960}'
SMALL = {"config.json": CONFIG, "model.safetensors": b"weights" * 20_000}


def small(name: str) -> dict[str, bytes]:
    """Return the files of a repository, of which no other has one."""
    config = b'{"model_type": "qwen3", "max_position_embeddings": 40960, "_name": "%s"}' % name.encode()
    return {"config.json": config, "model.safetensors": name.encode() * 20_000}


class Source:
    """The host with internet: a folder with models.toml, its lock, its hub directory and its build.

    Args:
        folder: The folder, which need not exist.
        repos: The files of each repository; the model's id is the last part of its name.
        more: Further lines of models.toml.
        keys: Further keys of a model, by its id.
        project: The name of the project.
    """

    def __init__(
        self,
        folder: Path,
        repos: Mapping[str, Mapping[str, bytes]],
        more: str = "",
        keys: Mapping[str, str] | None = None,
        project: str = "demo",
    ) -> None:
        self.folder = folder
        self.repos = {repo: dict(files) for repo, files in repos.items()}
        self.more = more
        self.keys = keys or {}
        self.project = project
        self.write()

    def write(self) -> None:
        """Write everything, as `lock`, `fetch` and `build` leave it."""
        entries = [self._entry(repo, files) for repo, files in self.repos.items()]
        models = "".join(
            f'[models."{entry.models[0]}"]\nrepo = "{entry.repo}"\nargs.max-model-len = 8\n'
            f"{self.keys.get(entry.models[0], '')}\n"
            for entry in entries
        )
        toml = complete(f'[project]\nname = "{self.project}"\nhub = "models/hub"\n{models}{self.more}')
        lock = render_lock(Lock(snapshots=entries))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "models.toml").write_text(toml)
        (self.folder / "models.lock").write_bytes(lock)
        for checkout in checkouts(self.hub, entries):
            for path, data in self.repos[checkout.repo].items():
                blob, pointer = checkout.blob(checkout.files[path]), checkout.pointer(checkout.files[path])
                write(blob, data)
                pointer.parent.mkdir(parents=True, exist_ok=True)
                if not pointer.is_symlink():
                    pointer.symlink_to(os.path.relpath(blob, pointer.parent))
            write(checkout.ref("main"), checkout.commit.encode())
        artifacts = {path: text.encode() for path, text in build(toml, lock.decode()).items()}
        for path, data in {**artifacts, RECORD: complete_record(artifacts)}.items():
            write(self.folder / "build" / path, data)

    @property
    def hub(self) -> Path:
        """The hub directory."""
        return self.folder / "models" / "hub"

    def blob(self, repo: str, path: str) -> Path:
        """Return where the content of a file is."""
        return (
            self.hub / f"models--{repo.replace('/', '--')}" / "blobs" / locked_file(path, self.repos[repo][path]).etag
        )

    def run(self, *args: str | Path, before: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder; `before` is code that runs before it."""
        return modelgen(*args, cwd=self.folder, before=before)

    def create(self, folder: Path, *args: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Make a bundle without images."""
        done = self.run("bundle", "create", folder, *WITHOUT, *args)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def _entry(self, repo: str, files: Mapping[str, bytes]) -> Snapshot:
        commit = hashlib.sha1(repr((repo, sorted(files.items()))).encode()).hexdigest()
        entries = [locked_file(path, data) for path, data in files.items()]
        config = files.get("config.json")
        return Snapshot(
            repo=repo,
            commit=commit,
            models=[repo.rpartition("/")[2]],
            files=entries,
            config=None if config is None else config.decode(),
        )


def manifest(folder: Path) -> Any:  # noqa: ANN401 - JSON
    """Return bundle.json of a bundle, or of one of its volumes."""
    return json.loads((folder / "bundle.json").read_bytes())


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def faults(folder: Path) -> list[str]:
    """Return what SHA256SUMS finds wrong in a bundle or a volume, and files that it does not list."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    found = {path: hashlib.sha256(data).hexdigest() for path, data in tree(folder).items() if path != "SHA256SUMS"}
    assert [*listed] == sorted(listed)
    return [path for path in listed.keys() | found.keys() if listed.get(path) != found.get(path)]
