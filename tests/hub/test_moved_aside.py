"""Nothing that models.lock does not have is deleted, whatever its size: it is moved aside."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_on_disk import fetched, write
from sharing import REPO, two_projects
from verifying import SNAPSHOT, WEIGHTS, verify

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

ASIDE = ".locks/modelgen/aside"
LARGE = 120_000_000


def sparse(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"precious")
        file.truncate(size)
    path.chmod(0o644)


@pytest.mark.parametrize("size", [8, LARGE])
def test_a_foreign_file_of_any_size_is_moved_aside(tmp_path: Path, size: int) -> None:
    checkout, _ = fetched(tmp_path)
    sparse(checkout.snapshot / "mine.gguf", size)
    inode = (checkout.snapshot / "mine.gguf").stat().st_ino
    done = modelgen("verify", "--quick", "--fix", cwd=tmp_path)
    assert done.returncode == 0
    assert f"moved to {ASIDE}" in done.stdout
    assert (tmp_path / "hub" / ASIDE / SNAPSHOT / "mine.gguf").stat().st_ino == inode
    assert verify(tmp_path) == (0, [])


def test_a_foreign_link_an_empty_file_and_a_pipe_are_moved_aside(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    (checkout.snapshot / "link").symlink_to(tmp_path / "elsewhere")
    write(checkout.snapshot / "empty", b"")
    os.mkfifo(checkout.snapshot / "pipe")
    assert verify(tmp_path, "--quick", "--fix")[0] == 0
    assert {path.name for path in (tmp_path / "hub" / ASIDE / SNAPSHOT).iterdir()} == {"empty", "link", "pipe"}


def test_what_lies_in_place_of_a_locked_file_is_moved_aside_at_any_size(tmp_path: Path) -> None:
    checkout, blobs = fetched(tmp_path)
    blobs[WEIGHTS].unlink()
    (checkout.snapshot / WEIGHTS).unlink()
    sparse(checkout.snapshot / WEIGHTS, LARGE)
    assert verify(tmp_path, "--quick", "--fix")[0] == 1
    assert (tmp_path / "hub" / ASIDE / SNAPSHOT / WEIGHTS).stat().st_size == LARGE


def test_a_second_one_of_a_name_does_not_replace_the_first(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    for content in (b"one", b"two"):
        write(checkout.snapshot / "notes.txt", content)
        assert verify(tmp_path, "--quick", "--fix")[0] == 0
    found = {path.name: path.read_bytes() for path in (tmp_path / "hub" / ASIDE / SNAPSHOT).iterdir()}
    assert found == {"notes.txt": b"one", "notes.txt.1": b"two"}


@pytest.mark.parametrize("is_link", [True, False])
def test_fetch_moves_an_edited_file_of_another_size_aside(hub: Hub, tmp_path: Path, *, is_link: bool) -> None:
    _, second = two_projects(hub, tmp_path)
    entry = second.snapshots[0]
    path = second.blob(entry, "config.json")
    if not is_link:
        path.unlink()
        path = second.snapshot(entry) / "config.json"
        path.unlink()
    path.write_bytes(b'{"edited": "by hand"}')
    second.fetch()
    assert second.damage() == []
    aside = second.hub / ASIDE / path.relative_to(second.hub)
    assert aside.read_bytes() == b'{"edited": "by hand"}'
    assert aside.is_relative_to(second.hub / ASIDE / REPO)


def test_fetch_moves_a_damaged_content_that_it_wanted_to_reuse_aside(hub: Hub, tmp_path: Path) -> None:
    _, second = two_projects(hub, tmp_path)
    entry = second.snapshots[0]
    (second.snapshot(entry) / "config.json").unlink()
    blob = second.blob(entry, "config.json")
    blob.write_bytes(blob.read_bytes()[:-1] + b" ")
    second.fetch()
    assert second.damage() == []
    assert (second.hub / ASIDE / blob.relative_to(second.hub)).read_bytes().endswith(b" ")
