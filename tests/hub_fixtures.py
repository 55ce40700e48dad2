"""What tests of the hub share and is dear to make: a large file, and older versions of the real client."""

from __future__ import annotations

import random
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

import olah_mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hub_double import Hub


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that does not come through the official client; every megabyte is another."""
    path = tmp_path_factory.mktemp("large") / "large"
    block = bytearray(random.Random(5).randbytes(1_000_000))
    with path.open("wb") as file:
        for number in range(101):
            block[:4] = number.to_bytes(4, "big")
            file.write(block)
    return path


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Installs a version of huggingface_hub, and returns a folder for PYTHONPATH."""

    @cache
    def install(version: str) -> Path:
        folder = tmp_path_factory.mktemp(f"hub-{version}")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, "--target", str(folder), f"huggingface_hub=={version}"], check=True)
        return folder

    return install


@pytest.fixture(scope="session")
def olah_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of olah, a mirror of the hub."""
    return olah_mirror.install(tmp_path_factory.mktemp("olah-program") / "venv")


@pytest.fixture
def olah(olah_program: Path, hub: Hub, tmp_path: Path) -> Iterator[str]:
    """The address of a mirror of the test's hub, with an empty cache."""
    with olah_mirror.serve(olah_program, hub.endpoint, hub.cdn, tmp_path / "olah", hub.environment) as address:
        yield address
