"""Volumes that were mixed up, doubled, or changed: `load` takes nothing from them that is not as bundle.json says."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from bundles import write_sums
from hostile_bundles import good
from modelgen_importer import load, verify

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 3000


@pytest.fixture
def volumes(tmp_path: Path) -> list[Path]:
    made = good()
    made.manifest["images"] = []  # no Docker is needed
    text = json.dumps(made.manifest)
    made.contents = {sha256: data for sha256, data in made.contents.items() if sha256 in text}
    return sorted(made.write(tmp_path / "bundle", volume=SIZE).iterdir())


def ends(*folders: Path, into: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int, str]:
    """Return how `verify` and `load` end, and what both print of it."""
    capsys.readouterr()
    names = [str(folder) for folder in folders]
    codes = verify.main(names), load.main(["--into", str(into), *names])
    printed = capsys.readouterr()
    return *codes, printed.out + printed.err


def test_one_after_the_other_in_any_order(
    volumes: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "there"
    *first, last = reversed(volumes)
    for volume in first:
        verified, loaded, said = ends(volume, into=into, capsys=capsys)
        assert (verified, loaded, "to come" in said) == (0, 1, True), said
        assert not (into / "models.toml").exists()
    assert ends(last, into=into, capsys=capsys)[:2] == (0, 0)
    assert (into / "models/hub/models--org--model/refs/main").exists()


@pytest.mark.parametrize("number", [0, 5, 1_000_000_000, 2**59])
def test_numbers_with_gaps(
    volumes: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    for volume in volumes:
        text = (volume / "bundle.json").read_text()
        (volume / "bundle.json").write_text(re.sub(r'"volume": 2\b', f'"volume": {number}', text))
        write_sums(volume)
    verified, loaded, said = ends(*volumes, into=tmp_path / "there", capsys=capsys)
    assert (verified, loaded) == (1, 1)
    assert said.count("contradicts itself: its volumes are not numbered from 1 on") == 2


def test_volumes_of_two_bundles(volumes: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = good()
    other.snapshot({"config.json": b"[1]"}, repo="org/third", commit="e" * 40)
    mixed = sorted(other.write(tmp_path / "other", volume=SIZE).iterdir())
    verified, loaded, said = ends(volumes[0], mixed[1], into=tmp_path / "there", capsys=capsys)
    assert (verified, loaded) == (1, 1)
    assert "belong to several bundles; load them one by one" in said


def test_a_content_in_the_wrong_volume(volumes: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = next((volumes[0] / "blobs").iterdir())
    shutil.move(moved, volumes[1] / "blobs")
    write_sums(volumes[0])
    write_sums(volumes[1])
    verified, loaded, said = ends(*volumes, into=tmp_path / "there", capsys=capsys)
    assert verified == 1, said
    assert loaded in (0, 1)  # it may be used: its hash is right


def test_a_changed_content_with_sums_that_fit(
    volumes: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = max((volumes[0] / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    changed.write_bytes(bytes(changed.stat().st_size))
    write_sums(volumes[0])
    verified, loaded, said = ends(*volumes, into=tmp_path / "there", capsys=capsys)
    assert (verified, loaded) == (1, 1), said
    assert not (tmp_path / "there" / "models.toml").exists()
