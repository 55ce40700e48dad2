"""Images of a bundle with a real Docker Engine: saved, stored as members, and loaded from these again."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from docker_cli import docker

from modelgen.bundle.images import Archiving, Wanted, inspect, is_same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.bundle.archives import Data
    from modelgen.bundle.manifest import Image

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

NAME = "modelgen-e2e/bundled"
FILE = """FROM scratch
COPY big /big
LABEL which=%s
COPY %s /own
"""


class Memory:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def has(self, sha256: str, size: int) -> bool:  # noqa: ARG002 - as the real one
        return sha256 in self.blobs

    def add_stream(self, source: Data | io.BytesIO, size: int, sha256: str | None = None) -> str:  # noqa: ARG002
        data = source.read(size)
        found = hashlib.sha256(data).hexdigest()
        assert found not in self.blobs or len(data) < 2000, "written twice"
        self.blobs[found] = data
        return found


@pytest.fixture
def two(docker_engine: None, tmp_path: object) -> Iterator[list[str]]:  # noqa: ARG001 - it has to be there
    """Two images on a layer of one megabyte."""
    names = [f"{NAME}:{which}" for which in ("a", "b")]
    for name in names:
        which = name[-1]
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            for path, data in (
                ("big", bytes(2**20)),
                (which, which.encode() * 3000),
                ("Dockerfile", (FILE % (which, which)).encode()),
            ):
                info = tarfile.TarInfo(path)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        command = ["docker", "build", "--quiet", "--network", "none", "--tag", name, "-"]
        subprocess.run(command, input=context.getvalue(), check=True, capture_output=True, timeout=120)
    try:
        yield names
    finally:
        docker("image", "rm", "--force", *names, check=False)


def loaded(image: Image, store: Memory) -> None:
    """Load an image from its members, as the other host does."""
    kinds = {"directory": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in image.members:
            info = tarfile.TarInfo(member.name)
            info.type, info.mode = kinds.get(member.type, tarfile.REGTYPE), member.mode
            info.size, info.linkname = member.size or 0, member.target or ""
            tar.addfile(info, io.BytesIO(store.blobs[member.sha256]) if member.sha256 else None)
    subprocess.run(["docker", "load", "--quiet"], input=archive.getvalue(), check=True, capture_output=True, timeout=60)


def test_images_are_carried_by_their_members(two: list[str]) -> None:
    found = inspect([Wanted(name, "engine") for name in (*two, f"{NAME}:gone")], "amd64")
    assert [*found.images] == two
    assert len(found.problems) == 1
    store = Memory()
    archiving = Archiving(store)
    carried = [archiving.add(name, "engine") for name in two]
    assert all(is_same(found.images[image.reference], image) for image in carried)
    docker("image", "rm", "--force", *two)
    for image in carried:
        loaded(image, store)
    again = inspect([Wanted(name, "engine") for name in two], "amd64")
    assert again.images == found.images
