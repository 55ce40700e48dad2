"""What tests of the hub share and is dear to make: a large file, and older versions of the real client."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import known_environment
import olah_mirror
from hub_project import BY_RANGES, Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub_double import Hub


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 101 MB that does not come through the official client, for tests of its speed and of many ranges."""
    return write_megabytes(tmp_path_factory.mktemp("large") / "large", 101)


@pytest.fixture(scope="session")
def file_of_ranges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 12 MB, which comes by ranges where a project runs `BY_RANGES`."""
    return write_megabytes(tmp_path_factory.mktemp("ranges") / "ranges", 12)


@pytest.fixture
def ranged(file_of_ranges: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 12 MB that does not come through the official client either."""
    monkeypatch.setattr(Project, "before", BY_RANGES)
    return file_of_ranges


def write_megabytes(path: Path, count: int) -> Path:
    """Write a file in which every megabyte is another."""
    block = bytearray(random.Random(5).randbytes(1_000_000))
    with path.open("wb") as file:
        for number in range(count):
            block[:4] = number.to_bytes(4, "big")
            file.write(block)
    return path


@pytest.fixture(scope="session")
def install(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Install a package, and return a folder for PYTHONPATH; later runs of the tests find it there."""
    assert pytestconfig.cache is not None
    kept = pytestconfig.cache.mkdir(f"packages-{sys.implementation.cache_tag}")

    def installed(requirement: str) -> Path:
        if not (folder := kept / requirement).is_dir():
            part = Path(tempfile.mkdtemp(dir=kept))
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
            subprocess.run([*command, "--target", part, requirement], env=known_environment.caller(), check=True)
            with contextlib.suppress(OSError):  # another run was faster
                part.rename(folder)
        return folder

    return installed


@pytest.fixture(scope="session")
def clients(install: Callable[[str], Path]) -> Callable[[str], Path]:
    """Installs a version of huggingface_hub, and returns a folder for PYTHONPATH."""
    return lambda version: install(f"huggingface_hub=={version}")


@pytest.fixture
def olah(install: Callable[[str], Path], hub: Hub, tmp_path: Path) -> Iterator[str]:
    """The address of a mirror of the test's hub, with an empty cache."""
    with olah_mirror.serve(
        install(olah_mirror.REQUIREMENT), hub.endpoint, hub.cdn, tmp_path / "olah", hub.environment
    ) as address:
        yield address
