"""Find the images that a deployment needs, and store each as the members of its archive.

A layer that several images have is one blob, in Docker's classic store as in containerd's.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modelgen.bundle.archives import read_members
from modelgen.bundle.blobs import DamagedError
from modelgen.bundle.manifest import Image, Member
from modelgen.files import ModelgenError
from modelgen.operate.local_images import find_image, save

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelgen.bundle.archives import Data
    from modelgen.ir import Fleet
    from modelgen.operate.local_images import LocalImage

_MANIFEST, _INDEX = "manifest.json", "index.json"
_MOST_OF_JSON = 4 * 2**20
_OCI_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})", re.ASCII)
_LAYER = "/layer.tar"
_CHUNK = 2**20


class Store(Protocol):
    """The part of `blobs.BlobStore` that images need."""

    def has(self, sha256: str, size: int) -> bool:
        """Return whether a content is there."""

    def add_stream(self, source: Data | io.BytesIO, size: int, sha256: str | None = None) -> str:
        """Store the next `size` bytes of a stream, and return their hash."""


@dataclass(frozen=True)
class Wanted:
    """An image that the other host needs.

    Args:
        reference: Its name.
        role: What it is for: `engine`, `base`, `socket-proxy`, `orchestrator` or `tool`.
        command: The command that brings it here; empty if `bundle create` builds it.
    """

    reference: str
    role: str
    command: str = ""


@dataclass(frozen=True)
class Inspected:
    """The wanted images as they are here.

    Args:
        images: Each that can be carried, by its reference.
        problems: Why the others cannot, a sentence for each.
    """

    images: Mapping[str, LocalImage]
    problems: tuple[str, ...]


def wanted_images(fleet: Fleet, root: Path, arch: str) -> tuple[Wanted, ...]:
    """Return the images of a fleet that `bundle create` does not build itself.

    Args:
        fleet: The fleet.
        root: The folder of models.toml.
        arch: The architecture of the destination.
    """
    from modelgen.operate.building import build_command

    pull = ["docker", "pull", "--platform", f"linux/{arch}"]
    found: dict[str, Wanted] = {}
    for service in fleet.services:
        own = service.build
        command = [*pull, service.image] if own is None else build_command(service.image, own, root)
        found.setdefault(service.image, Wanted(service.image, "engine", shlex.join(command)))
    if fleet.orchestrator.enabled:
        for image, role in (
            (fleet.orchestrator.base_image, "base"),
            (fleet.orchestrator.socket_proxy_image, "socket-proxy"),
        ):
            found.setdefault(image, Wanted(image, role, shlex.join([*pull, image])))
    return tuple(found.values())


def inspect(wanted: Iterable[Wanted], arch: str) -> Inspected:
    """Look up images in the local Engine, before anything is written.

    Args:
        wanted: The images.
        arch: The architecture of the destination, as in Docker's platforms.

    Raises:
        ModelgenError: The Engine does not answer.
    """
    images, problems = {}, []
    for image in wanted:
        found = find_image(image.reference)
        if problem := _problem(image, found, arch):
            problems.append(problem)
        elif found is not None:
            images[image.reference] = found
    return Inspected(images, tuple(problems))


def _problem(wanted: Wanted, found: LocalImage | None, arch: str) -> str:
    name = wanted.reference
    if "@" in name:
        return f"the image {name} has a digest, which `docker load` does not keep; name it by a tag in models.toml"
    if found is None:
        return f"the image {name} is not here; run `{wanted.command}`"
    if found.arch != arch:
        return f"the image {name} is for {found.arch}, and the other host is {arch}; run `{wanted.command}`"
    return ""


def is_same(local: LocalImage, image: Image) -> bool:
    """Return whether an image of the local Engine is one that a bundle has."""
    return local.reference == image.reference and local.id in (image.config, image.manifest)


@dataclass
class Archiving:
    """Store archives one after the other.

    Args:
        store: Where their contents go.
    """

    store: Store

    def __post_init__(self) -> None:
        self._layers: dict[str, str] = {}

    def add(self, reference: str, role: str) -> Image:
        """Store an image, and return its description.

        Raises:
            ModelgenError: Docker cannot save it, or the store cannot be written.
        """
        members: list[Member] = []
        read: dict[str, Any] = {}
        broken = ""
        with save(reference) as source:
            try:
                for info, data in read_members(source):
                    members.append(self._member(info, data, read))
            except (tarfile.TarError, DamagedError) as error:  # Docker's own error, if there is one, comes first
                broken = str(error)
        if broken:
            raise ModelgenError(f"`docker image save {reference}` wrote an archive that is damaged: {broken}")
        return Image(
            reference=reference,
            role=role,
            config=_config(reference, members, read.get(_MANIFEST)),
            manifest=_manifest(read.get(_INDEX)),
            size=sum(member.size or 0 for member in members),
            members=tuple(members),
        )

    def _member(self, info: tarfile.TarInfo, data: Data, read: dict[str, Any]) -> Member:
        mode = info.mode & 0o7777
        if info.isdir():
            return Member(info.name, "directory", mode)
        if info.issym() or info.islnk():
            return Member(info.name, "symlink" if info.issym() else "hardlink", mode, target=info.linkname)
        if not info.isreg():
            raise tarfile.ReadError(f"{info.name} is neither a file, a folder nor a link")
        if info.name in (_MANIFEST, _INDEX) and info.size <= _MOST_OF_JSON:
            text = data.read()
            read[info.name] = json.loads(text)
            return Member(info.name, "file", mode, self.store.add_stream(io.BytesIO(text), len(text)), len(text))
        return Member(info.name, "file", mode, self._add(info, data), info.size)

    def _add(self, info: tarfile.TarInfo, data: Data) -> str:
        """Store a file. A layer that is there already is only hashed: it has a known name.

        An OCI layout names a blob by its SHA-256, the classic store a layer by a digest of its chain.
        """
        named = _OCI_BLOB.fullmatch(info.name)
        known = named[1] if named else self._layers.get(info.name)
        if known is None or not self.store.has(known, info.size):
            added = self.store.add_stream(data, info.size, known)
            if info.name.endswith(_LAYER):
                self._layers[info.name] = added
            return added
        digest = hashlib.sha256()
        while chunk := data.read(_CHUNK):
            digest.update(chunk)
        if digest.hexdigest() != known:
            raise tarfile.ReadError(f"{info.name} has the SHA-256 {digest.hexdigest()}, not {known}")
        return known


def _config(reference: str, members: Iterable[Member], manifest: Any) -> str:  # noqa: ANN401 - JSON
    """Return the digest of an image's configuration, which Docker names in manifest.json."""
    try:
        name = manifest[0]["Config"]
    except (LookupError, TypeError):
        name = None
    found = next((member.sha256 for member in members if member.name == name), None)
    if found is None:
        raise ModelgenError(f"the archive of {reference} has no {_MANIFEST}; update Docker, and try again")
    return f"sha256:{found}"


def _manifest(index: Any) -> str | None:  # noqa: ANN401 - JSON
    """Return the digest of an image's manifest in an OCI layout; None for an older archive."""
    try:
        return str(index["manifests"][0]["digest"])
    except (LookupError, TypeError):
        return None
