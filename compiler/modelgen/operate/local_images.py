"""Describe images of the local Docker Engine, and read them as archives."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.operate.docker import run, stream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import IO

_MISSING = re.compile(r"no such (?:image|object)", re.IGNORECASE)


@dataclass(frozen=True)
class LocalImage:
    """An image of the local Engine.

    Args:
        reference: Its name, as in models.toml.
        id: Its id: the digest of its configuration in the classic store, of its manifest or index in containerd's.
        arch: Its architecture, as in Docker's platforms.
        size: Its bytes, uncompressed.
        layers: The digests of its uncompressed layers, from the base up.
    """

    reference: str
    id: str
    arch: str
    size: int
    layers: tuple[str, ...]


def find_image(reference: str) -> LocalImage | None:
    """Return an image of the local Engine; None if it is not there.

    Raises:
        ModelgenError: The Engine does not answer.
    """
    try:
        printed = run(["docker", "image", "inspect", reference])
    except ModelgenError as error:
        if _MISSING.search(str(error)):
            return None
        raise
    found = json.loads(printed)[0]
    layers = tuple((found.get("RootFS") or {}).get("Layers") or ())
    return LocalImage(reference, found["Id"], found["Architecture"], found["Size"], layers)


def size_together(images: Iterable[LocalImage]) -> int:
    """Return the bytes of some images; layers below a whole other image are counted once.

    Docker reports no sizes of single layers, so this is exact for images that are built on one of the others, and an
    upper bound else.
    """
    distinct = {image.layers: image.size for image in images}
    sizes = 0
    for layers, size in distinct.items():
        below = [other for other in distinct if len(other) < len(layers) and layers[: len(other)] == other]
        sizes += size - (distinct[max(below, key=len)] if below else 0)
    return sizes


def save(reference: str) -> AbstractContextManager[IO[bytes]]:
    """Return the archive of an image as a stream, as `docker image save` writes it.

    Raises:
        ModelgenError: Docker failed, at the end of the block.
    """
    return stream(["docker", "image", "save", reference])
