"""Whole builds as real files, so that a change of the output is reviewed as a change of configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from compiling import build

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


class ComposeFile(SingleFileSnapshotExtension):
    """One `.yml` a case, which the end-to-end tests hand to the real Compose."""

    _write_mode = WriteMode.TEXT
    file_extension = "yml"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_build(case: Path, snapshot: SnapshotAssertion) -> None:
    lock = case.with_suffix(".lock")
    artifacts = build(case.read_text(), lock.read_text() if lock.exists() else None)
    assert set(artifacts) == {"docker-compose.yml", ".gitattributes"}
    assert artifacts["docker-compose.yml"] == snapshot(extension_class=ComposeFile)


def test_example_is_a_case() -> None:
    """The committed build/ of the example is the three-qwen snapshot."""
    repository = Path(__file__).parent.parent.parent
    assert (repository / "models.toml").read_text() == (CASES[0].parent / "three-qwen.toml").read_text()
    committed = {path.name: path.read_text() for path in (repository / "build").iterdir() if path.suffix != ".json"}
    assert committed == build((repository / "models.toml").read_text())
