"""The double of the hub, asked by the real client: what holds for it here holds for the tests that rest on it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub_double import Hub

BIG = bytes(range(256)) * 100


def download(hub: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["hf", "download", "--format", "quiet", *arguments],
        env=hub.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line_downloads_a_model(hub: Hub) -> None:
    commit = hub.add("org/model", {"config.json": b"{}", "deep/model.safetensors": BIG})
    result = download(hub, "org/model")
    assert result.returncode == 0, result.stderr
    snapshot = Path(result.stdout.strip())
    assert snapshot.name == commit
    assert (snapshot / "deep/model.safetensors").read_bytes() == BIG
    assert hub.bytes_sent("*.safetensors") == len(BIG)
