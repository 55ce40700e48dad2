"""Define bundle.json: what a bundle holds, by hash. The same input gives the same bytes: no times, no host names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

FORMAT = 1
NAME = "bundle.json"
BLOBS = "blobs"
IMAGES, MODELS, TOOL = "images", "models", "tool"
WITHOUT = (IMAGES, MODELS, TOOL)
"""The parts that a bundle can be made without."""


@dataclass(frozen=True)
class ProjectFile:
    """A file of the project, which `load` writes into the target folder.

    Args:
        path: The path below the folder of models.toml, with `/`.
        sha256: The hash of its contents.
        size: Bytes.
        executable: Whether it is a program.
    """

    path: str
    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class HubFile:
    """A file of a snapshot.

    Args:
        path: The path in the snapshot.
        name: Its name in `blobs/` of the hub directory: SHA-256, or git's id of a small file.
        sha256: The hash of its contents.
        size: Bytes.
    """

    path: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class HubSnapshot:
    """A repository at one commit.

    Args:
        repo: Repository id.
        commit: 40 hex digits.
        refs: Names below `refs/` that hold the commit.
        tree: The hash of its listing, `trees/<commit>.json`.
        models: Ids of the models that need it.
        files: Its files by path.
    """

    repo: str
    commit: str
    refs: tuple[str, ...]
    tree: str
    models: tuple[str, ...]
    files: tuple[HubFile, ...]


@dataclass(frozen=True)
class HubAsset:
    """A file that is on no hub: its path below the hub directory, hash and bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Hub:
    """The contents of the hub directory.

    Args:
        path: The hub directory as models.toml has it.
        snapshots: The repositories.
        assets: Files that are on no hub.
    """

    path: str
    snapshots: tuple[HubSnapshot, ...] = ()
    assets: tuple[HubAsset, ...] = ()


@dataclass(frozen=True)
class Member:
    """An entry of the archive of `docker save`.

    Args:
        name: Its path in the archive.
        type: `file`, `directory`, `symlink` or `hardlink`.
        mode: Its permissions.
        sha256: The hash of a file's contents.
        size: The bytes of a file.
        target: The target of a link.
    """

    name: str
    type: str
    mode: int
    sha256: str | None = None
    size: int = 0
    target: str = ""


@dataclass(frozen=True)
class Image:
    """A container image, as an archive of `docker save` in its order.

    Args:
        reference: The name that the build has.
        role: `engine`, `base`, `socket-proxy`, `orchestrator` or `tool`.
        config: The digest of its configuration, where known.
        manifest: The digest of its manifest, where known.
        size: The bytes of its members.
        members: The entries of the archive.
    """

    reference: str
    role: str
    config: str | None
    manifest: str | None
    size: int
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Part:
    """A part of a content that was cut: its hash, its bytes, and its volume with `--split`."""

    sha256: str
    size: int
    volume: int | None = None


@dataclass(frozen=True)
class Blob:
    """A content in the bundle: its bytes, its volume with `--split`, and its parts if it was cut."""

    size: int
    volume: int | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Requires:
    """The free space that a first load needs, in bytes."""

    bytes_hub: int = 0
    bytes_images: int = 0
    bytes_files: int = 0


@dataclass(frozen=True)
class Bundle:
    """The whole bundle.json.

    Args:
        modelgen: The version that wrote it.
        project: The name of the project.
        arch: The architecture of the images, as in Docker's platforms.
        files: Files of the project.
        hub: The contents of the hub directory.
        images: Container images.
        blobs: The contents that this bundle has, by hash.
        expected: Contents that the destination has already: bytes by hash.
        without: What was left out: `images`, `models`, `tool`.
        left_out: Models that were left out, each with the reason.
        proven: By model, True if its engine found all of its files, else why that was not tried.
        requires: The free space that a first load needs.
    """

    modelgen: str
    project: str
    arch: str
    files: tuple[ProjectFile, ...]
    hub: Hub
    images: tuple[Image, ...] = ()
    blobs: Mapping[str, Blob] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    proven: Mapping[str, bool | str] = field(default_factory=dict)
    requires: Requires = Requires()
    format: int = FORMAT

    def encode(self) -> bytes:
        """Return the bytes of bundle.json."""
        return (json.dumps(_plain(self), sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def blob_names(blobs: Mapping[str, Blob]) -> Iterator[tuple[str, str, int]]:
    """Yield each file of the bundle's contents: its path below the bundle, its hash and its bytes."""
    for sha256, blob in blobs.items():
        if not blob.parts:
            yield path_of(sha256, blob.volume), sha256, blob.size
        for number, part in enumerate(blob.parts):
            yield path_of(f"{sha256}.part{number:03d}", part.volume), part.sha256, part.size


def path_of(name: str, volume: int | None) -> str:
    """Return the path of a file in `blobs/`, below the bundle."""
    return f"{BLOBS}/{name}" if volume is None else f"vol{volume}/{BLOBS}/{name}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - the tables above
    """Return a table for JSON, without the keys that a content or a member of an archive does not have."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value) if one.name not in _absent(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _absent(value: object) -> Collection[str]:
    match value:
        case Blob():
            return [name for name in ("parts", "volume") if not getattr(value, name)]
        case Part(volume=None):
            return ["volume"]
        case Member():
            own = {"file": ("sha256", "size"), "directory": ()}.get(value.type, ("target",))
            return {"sha256", "size", "target"} - {*own}
        case _:
            return ()
