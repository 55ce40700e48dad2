"""Prove a bundle that is only a folder of contents, made of a project as `fetch` leaves it."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from loading import place
from modelgen.bundle.manifest import Hub, HubFile, HubSnapshot
from modelgen.bundle.proving import FOLDER, Proof, Proving
from modelgen.hub.cache.layout import checkouts, tree_listing
from modelgen.lower import lower
from modelgen.pipeline import check_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def prove(root: Path, toml: str, repos: Mapping[str, Mapping[str, bytes]], *, cut: int = 0) -> Proof:
    """Return the proof of all models.

    Args:
        root: A folder.
        toml: What models.toml has beside `[project]`.
        repos: The files of each repository; those named `code…` are no checkpoints.
        cut: The size of parts in bytes; 0 for whole contents.
    """
    place(root, toml, repos, code=tuple(repo for repo in repos if "code" in repo))
    checked = check_source(*((root / name).read_bytes() for name in ("models.toml", "models.lock")))
    assert checked.fitted is not None
    resolved = checked.fitted.resolved
    assert resolved.lock is not None
    bundle = root / "bundle"
    bundle.mkdir()
    parts: dict[str, list[Path]] = {}

    def store(data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        pieces = [data[at : at + cut] for at in range(0, len(data), cut)] if cut else [data]
        parts[name] = [bundle / f"{name}.{number}" for number in range(len(pieces))]
        for path, piece in zip(parts[name], pieces, strict=True):
            path.write_bytes(piece)
        return name

    snapshots = []
    for one in checkouts(root / "hub", resolved.lock.snapshots):
        files = [HubFile(path, one.files[path].etag, store(data), len(data)) for path, data in repos[one.repo].items()]
        refs = (*one.refs, f"modelgen/{one.commit}")
        snapshots.append(HubSnapshot(one.repo, one.commit, refs, store(tree_listing(one)), ("m",), tuple(files)))
    shutil.rmtree(root / "hub")
    sources: Mapping[str, Sequence[Path]] = parts
    fleet = lower(checked.fitted)
    proving = Proving(bundle, root, fleet, resolved.runs, resolved.lock, sources.__getitem__, lambda _: None)
    found = proving.prove(Hub("hub", tuple(snapshots)), resolved.runs)
    assert not (bundle / FOLDER).exists()
    return found
