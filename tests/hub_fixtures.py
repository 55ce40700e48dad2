"""What tests of the hub share and is dear to make: a large file, and older versions of the real client."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.fixture(scope="session", params=["1.33.0", "0.36.0"])
def older_client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with an older huggingface_hub: the oldest that modelgen takes, and one of the 0.x."""
    folder = tmp_path_factory.mktemp(f"hub-{request.param}")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--target", str(folder), f"huggingface_hub=={request.param}"], check=True)
    return folder
