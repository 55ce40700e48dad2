"""A hub directory as a right fetch leaves it, with its models.toml and models.lock: where a test of damage begins."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from compiling import complete
from modelgen.hub.cache.layout import Checkout, checkouts, tree_listing
from modelgen.lockfile.entries import File, Lock, Snapshot
from modelgen.lockfile.writing import render_lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "qwen3", "max_position_embeddings": 40960}',
    "model.safetensors": bytes(range(256)) * 2000,
    "deep/er/vocab.json": b"{}",
}
_MODEL = '[models.m]\nrepo = "{repo}"\ngpus = ["gpu0"]\nargs = {{ max-model-len = 4096 }}\n'


def locked_file(path: str, data: bytes) -> File:
    """Return the entry of a file: weights by SHA-256, all else by git's id."""
    if path.endswith((".safetensors", ".gguf", ".tiktoken")):
        return File(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return File(path=path, size=len(data), blob=hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest())


def fetched(
    root: Path, files: Mapping[str, bytes] = FILES, *, repo: str = "org/model", toml: str = ""
) -> tuple[Checkout, dict[str, Path]]:
    """Write models.toml, models.lock and `hub/`; return the checkout, and the path of each blob by its file."""
    (root / "models.toml").write_text(
        complete(f'[project]\nname = "demo"\nhub = "hub"\n{_MODEL.format(repo=repo)}{toml}')
    )
    entries = [locked_file(path, data) for path, data in files.items()]
    snapshot = Snapshot(repo=repo, commit=COMMIT, models=["m"], files=entries)
    (root / "models.lock").write_bytes(render_lock(Lock(snapshots=[snapshot])))
    (checkout,) = checkouts(root / "hub", [snapshot])
    for path, data in files.items():
        file = checkout.files[path]
        write(checkout.blob(file), data)
        pointer = checkout.pointer(file)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.symlink_to(os.path.relpath(checkout.blob(file), pointer.parent))
    write(checkout.ref("main"), COMMIT.encode())
    write(checkout.tree, tree_listing(checkout))
    for folder in (root / "hub", *(path for path in (root / "hub").rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return checkout, {path: checkout.blob(file) for path, file in checkout.files.items()}


def write(path: Path, data: bytes) -> None:
    """Write a file that everybody may read, in folders that are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o644)
