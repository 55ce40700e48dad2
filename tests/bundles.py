"""Bundles that are written by hand, as `modelgen bundle create` writes them: for tests of the importer."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modelgen_importer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".gguf")


class Written:
    """A bundle that is put together, and written when it is complete.

    Args:
        project: Files of the project, by path.
        hub: The hub directory as models.toml has it.
    """

    def __init__(self, project: Mapping[str, bytes], hub: str = "models/hub") -> None:
        self.contents: dict[str, bytes] = {}
        self.manifest: dict[str, Any] = {
            "format": 1,
            "modelgen": "0.0",
            "project": "demo",
            "arch": "amd64",
            "files": [
                {"path": path, **self.add(data), "executable": path == "modelgen"} for path, data in project.items()
            ],
            "hub": {"path": hub, "snapshots": [], "assets": []},
            "images": [],
            "blobs": {},
            "expected": {},
            "without": [],
            "left_out": {},
            "proven": {},
            "requires": {"bytes_hub": 0, "bytes_images": 0, "bytes_files": 0},
        }

    def add(self, data: bytes) -> dict[str, Any]:
        """Add a content, and return its hash and size."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.contents[sha256] = data
        return {"sha256": sha256, "size": len(data)}

    def snapshot(self, files: Mapping[str, bytes], repo: str = "org/model", commit: str = COMMIT) -> Written:
        """Add a snapshot."""
        entries = [{"path": path, "name": name_of(path, data), **self.add(data)} for path, data in files.items()]
        listing = {"format_version": 1, "files": {path: tree_entry(path, files[path]) for path in sorted(files)}}
        tree = self.add(json.dumps(listing, indent=1).encode())["sha256"]
        one = {"repo": repo, "commit": commit, "refs": ["main"], "tree": tree, "models": ["m"], "files": entries}
        self.manifest["hub"]["snapshots"].append(one)
        return self

    def asset(self, name: str, data: bytes) -> Written:
        """Add a file that is on no hub."""
        added = self.add(data)
        path = f".locks/modelgen/assets/{added['sha256']}/{name}"
        self.manifest["hub"]["assets"].append({"path": path, **added})
        return self

    def image(self, reference: str, members: Mapping[str, bytes], config: str) -> Written:
        """Add an image whose configuration is one of its members."""
        folders = sorted({name.rpartition("/")[0] for name in members if "/" in name})
        entries = [{"name": name, "type": "directory", "mode": 0o755} for name in folders]
        entries += [{"name": name, "type": "file", "mode": 0o644, **self.add(data)} for name, data in members.items()]
        digest = "sha256:" + hashlib.sha256(members[config]).hexdigest()
        size = sum(map(len, members.values()))
        image = {"reference": reference, "role": "engine", "config": digest, "manifest": None, "size": size}
        self.manifest["images"].append({**image, "members": entries})
        return self

    def write(
        self, folder: Path, *, have: Sequence[str] = (), part: int | None = None, volume: int | None = None
    ) -> Path:
        """Write the bundle.

        Args:
            folder: The folder.
            have: Hashes of contents that it leaves out.
            part: The most bytes of a file in `blobs/`.
            volume: The most bytes of a volume; None for one folder.
        """
        number, room = 1, volume or 0
        placed: list[tuple[str, bytes, int | None]] = []
        for sha256, data in sorted(self.contents.items()):
            if sha256 in have:
                self.manifest["expected"][sha256] = len(data)
                continue
            most = min(part or len(data), volume or len(data))
            cut = [data[at : at + most] for at in range(0, len(data), most)] if len(data) > most else [data]
            pieces = []
            for index, piece in enumerate(cut):
                if volume is not None and len(piece) > room:
                    number, room = number + 1, volume
                room -= len(piece)
                name = sha256 if len(cut) == 1 else f"{sha256}.part{index:03d}"
                placed.append((name, piece, None if volume is None else number))
                where = {} if volume is None else {"volume": number}
                pieces.append({"sha256": hashlib.sha256(piece).hexdigest(), "size": len(piece), **where})
            blob = {"size": len(data), "parts": pieces} if len(cut) > 1 else {**pieces[0]}
            blob.pop("sha256", None)
            self.manifest["blobs"][sha256] = blob
        for one in [None] if volume is None else range(1, number + 1):
            top = folder if one is None else folder / f"vol{one}"
            (top / "blobs").mkdir(parents=True)
            for name, piece, at in placed:
                if at == one:
                    (top / "blobs" / name).write_bytes(piece)
            self.write_papers(top)
        return folder

    def write_papers(self, top: Path) -> None:
        """Write everything but `blobs/`."""
        text = json.dumps(self.manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
        (top / "bundle.json").write_bytes(text.encode())
        (top / "README.txt").write_text("Load this bundle.\n")
        (top / "CONTENTS.md").write_text("# Contents\n")
        source = Path(modelgen_importer.__path__[0])
        shutil.copytree(source, top / "importer", ignore=shutil.ignore_patterns("__pycache__"))
        write_sums(top)


def write_sums(top: Path) -> None:
    """Write SHA256SUMS for what a folder has now."""
    names = sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256((top / name).read_bytes()).hexdigest()}  {name}\n" for name in names if name != "SHA256SUMS"
    ]
    (top / "SHA256SUMS").write_text("".join(lines))


def name_of(path: str, data: bytes) -> str:
    """Return the name of a file in `blobs/` of a hub directory: of weights SHA-256, of all else git's id."""
    if path.endswith(LARGE):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest()


def tree_entry(path: str, data: bytes) -> dict[str, object]:
    """Return the entry of a file in the listing of a snapshot."""
    if not path.endswith(LARGE):
        return {"size": len(data), "blob_id": name_of(path, data)}
    oid = hashlib.sha256(data).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()
    return {"size": len(data), "blob_id": name_of("", pointer), "lfs_sha256": oid, "lfs_size": len(data)}
