"""Read what is there already: from an older bundle.json, or from the file that describes the other host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.bundle.destination import read_destination
from modelgen.bundle.manifest import NAME, Blob, Image, Member, Part
from modelgen.files import InputError
from modelgen_importer.manifest import RefusedError
from modelgen_importer.reading import read_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen_importer.manifest import Blob as ReadBlob
    from modelgen_importer.manifest import Image as ReadImage


@dataclass(frozen=True)
class Having:
    """The contents that a folder or a host has.

    Args:
        project: The name of the project of an older bundle.
        blobs: The contents of an older bundle, by hash.
        names: Names of contents in the hub directory: SHA-256, or git's id.
        hashes: SHA-256 by the name in the hub directory.
        images: The images of an older bundle, by reference.
        image_ids: Ids of images.
    """

    project: str = ""
    blobs: Mapping[str, Blob] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    hashes: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    image_ids: frozenset[str] = frozenset()


def read_having(data: bytes, path: str) -> Having:
    """Read a bundle.json or a host file, which are untrusted input.

    Args:
        data: Its bytes.
        path: Its name, for messages.

    Raises:
        InputError: It is neither.
    """
    if data.lstrip()[:1] == b"{":
        return read_older(data, path)
    facts = read_destination(data, path).destination
    return Having(names=frozenset(facts.blobs), image_ids=frozenset(facts.images))


def read_older(data: bytes, path: str) -> Having:
    """Read the bundle.json of an older bundle.

    Raises:
        InputError: It is none.
    """
    try:
        found = read_bundle(data)
    except RefusedError as error:
        raise InputError(f"{path}: {error}".replace(f"{NAME} ", "it ", 1)) from error
    files = [file for snapshot in found.hub.snapshots for file in snapshot.files]
    return Having(
        found.project,
        {sha256: _blob(blob) for sha256, blob in found.blobs.items()},
        frozenset({file.name for file in files} | {asset.sha256 for asset in found.hub.assets}),
        {file.name: file.sha256 for file in files},
        {image.reference: _image(image) for image in found.images},
    )


def _blob(read: ReadBlob) -> Blob:
    parts = tuple(Part(part.sha256, part.size, part.volume or None) for part in read.parts)
    return Blob(read.size, read.volume or None, parts)


def _image(read: ReadImage) -> Image:
    members = (Member(one.name, one.type, one.mode, one.sha256 or None, one.size, one.target) for one in read.members)
    return Image(read.reference, read.role, read.config, read.manifest, read.size, tuple(members))
