"""Whole builds as real files, so that a change of the output is reviewed as a change of configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from compiling import REPOSITORY, build

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


OF_IMAGE = {
    "orchestrator/.dockerignore": REPOSITORY / "templates/orchestrator/.dockerignore",
    "orchestrator/Dockerfile": REPOSITORY / "templates/orchestrator/Dockerfile",
    "orchestrator/requirements.txt": REPOSITORY / "templates/orchestrator/requirements.txt",
    **{
        f"orchestrator/{path.relative_to(REPOSITORY / 'compiler').as_posix()}": path
        for path in (REPOSITORY / "compiler/modelgen_runtime").rglob("*.py")
        if "processes" not in path.parts  # the driver of `modelgen serve`, which no container uses
    },
    **{
        f"orchestrator/{path.relative_to(REPOSITORY / 'compiler').as_posix()}": path
        for path in (REPOSITORY / "compiler/modelgen_runtime/page/static").iterdir()
    },
}
"""What is the same in every build, and byte for byte what is developed here."""


class ComposeFile(SingleFileSnapshotExtension):
    """One `.yml` a case, which the end-to-end tests hand to the real Compose."""

    _write_mode = WriteMode.TEXT
    file_extension = "yml"


class ManifestFile(SingleFileSnapshotExtension):
    """What the orchestrator reads."""

    _write_mode = WriteMode.TEXT
    file_extension = "json"


class SocketProxyFile(SingleFileSnapshotExtension):
    """What the socket proxy allows."""

    _write_mode = WriteMode.TEXT
    file_extension = "cfg"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_build(case: Path, snapshot: SnapshotAssertion) -> None:
    lock = case.with_suffix(".lock")
    artifacts = build(case.read_text(), lock.read_text() if lock.exists() else None)
    # The tag is a digest of the orchestrator's sources: with it, every change of these would be one of all snapshots.
    compose = re.sub(
        r"modelgen-orchestrator:[0-9a-f]{16}",
        "modelgen-orchestrator:0000000000000000",
        artifacts.pop("docker-compose.yml"),
    )
    assert compose == snapshot(extension_class=ComposeFile)
    assert artifacts.pop(".gitattributes") == "* -text\n"
    if "enabled = false" in case.read_text():
        assert artifacts == {}
        return
    assert artifacts.pop("orchestrator/config/manifest.json") == snapshot(extension_class=ManifestFile)
    assert artifacts.pop("socket-proxy/haproxy.cfg") == snapshot(extension_class=SocketProxyFile)
    assert artifacts == {name: path.read_text() for name, path in OF_IMAGE.items()}


def test_example_is_a_case() -> None:
    """The committed build/ of the example is the three-qwen snapshot."""
    assert (REPOSITORY / "models.toml").read_text() == (CASES[0].parent / "three-qwen.toml").read_text()
    output = REPOSITORY / "build"
    files = [path for path in output.rglob("*") if path.is_file() and path.name != ".modelgen-record.json"]
    committed = {path.relative_to(output).as_posix(): path.read_text() for path in files}
    assert committed == build((REPOSITORY / "models.toml").read_text())
