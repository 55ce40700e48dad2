"""Transfers that stall for ever end after a bounded number of tries, whatever the size of the file."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hub_project import project

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

# The first comes by a plain request, the second through the official client, which tries again by itself.
FILES = {"notes.txt": 9_000, "model.safetensors": 3_000_000}


@pytest.mark.parametrize(("name", "size"), FILES.items(), ids=FILES.keys())
def test_a_file_that_always_stalls_is_given_up(hub: Hub, tmp_path: Path, name: str, size: int) -> None:
    files = {"config.json": b"{}", name: b"a" * size}
    models = project(tmp_path, hub, {"org/model": files, "org/other": {"config.json": b"{}"}})
    hub.faults.stall(100, path=f"*/{name}", count=None)
    fetch = models.start("fetch", HF_HUB_DOWNLOAD_TIMEOUT="1")
    try:
        _, talk = fetch.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        fetch.kill()
        fetch.communicate()
        pytest.fail("the fetch does not end")
    assert fetch.returncode == 1, talk
    [sentence] = [line for line in talk.splitlines() if line.startswith("modelgen: ")]
    assert sentence.startswith(f"modelgen: model: org/model ({name}): http://")
    assert "cannot be reached: timed out" in sentence
    assert sentence.endswith("run the command again")
    assert len(hub.requests_for(f"org/model/{name}")) < 20
