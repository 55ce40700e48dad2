"""Setups as people run them, a models.toml each in `setups/`: each builds, and finds what its last line says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelgen.diagnostics import human
from modelgen.diagnostics.repeats import fold
from modelgen.pipeline import compile_source

SETUPS = sorted((Path(__file__).parent / "setups").glob("*.toml"))


def test_there_are_many() -> None:
    assert len(SETUPS) >= 30


@pytest.mark.parametrize("path", SETUPS, ids=lambda path: path.stem)
def test_a_setup_builds_and_finds_only_what_it_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    said = re.search(r"^# finds: (.*)$", text, re.MULTILINE)
    lock = path.with_suffix(".lock")
    compiled = compile_source(text.encode(), lock.read_bytes() if lock.exists() else None)
    shown = human.render(fold(compiled.diagnostics), compiled.source, colour=False)
    assert "docker-compose.yml" in compiled.artifacts, shown
    assert {one.rule for one in compiled.diagnostics} == set(said[1].split(", ") if said else ()), shown
