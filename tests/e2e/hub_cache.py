"""A hub directory in the real layout, with files that only the engine double can serve."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMMIT = hashlib.sha1(b"the only commit").hexdigest()
_FILES = {
    "config.json": json.dumps({"model_type": "qwen3", "max_position_embeddings": 262144}).encode(),
    "model.safetensors": b"no weights",
}


def write_hub(hub: Path, repo: str) -> None:
    """Write models--NAMESPACE--NAME/{blobs,refs,snapshots} below the hub directory."""
    folder = hub / f"models--{repo.replace('/', '--')}"
    blobs, refs, snapshot = folder / "blobs", folder / "refs", folder / "snapshots" / _COMMIT
    for directory in (blobs, refs, snapshot):
        directory.mkdir(parents=True)
    for name, data in _FILES.items():
        # The hub's own names: git's hash for small files, SHA-256 for large ones.
        is_large = name.endswith(".safetensors")
        digest = hashlib.sha256(data) if is_large else hashlib.sha1(b"blob %d\0%s" % (len(data), data))
        (blobs / digest.hexdigest()).write_bytes(data)
        (snapshot / name).symlink_to(f"../../blobs/{digest.hexdigest()}")
    (refs / "main").write_text(_COMMIT)  # a line break would be part of the commit
    make_readable(hub)


def make_readable(hub: Path) -> None:
    """Set the modes that a container's root without capabilities can read, whatever the umask and the owner."""
    hub.chmod(0o755)
    for path in hub.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
