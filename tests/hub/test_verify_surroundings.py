"""`modelgen verify` on foreign files, modes and layouts."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_on_disk import COMMIT, FILES, fetched, write
from verifying import REPO, SNAPSHOT, WEIGHTS, errors, flip, relink, verify

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_foreign_inside_a_locked_snapshot_is_wrong_and_goes(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    write(tmp_path / "outside/kept", b"precious")
    write(checkout.snapshot / "modeling_evil.py", b"import os")
    write(checkout.snapshot / "deep/other/file", b"x")
    (checkout.snapshot / "link").symlink_to(tmp_path / "outside")
    (checkout.snapshot / "\x1b[31mred").mkdir()
    wrong = errors(tmp_path, "--quick")
    assert [found.partition(" ")[0].removeprefix(f"{SNAPSHOT}/") for found in wrong] == [
        "\x1b[31mred",
        "deep/other",
        "link",
        "modeling_evil.py",
    ]
    assert "\x1b" not in modelgen("verify", cwd=tmp_path).stdout
    assert verify(tmp_path, "--fix")[0] == 0
    assert verify(tmp_path) == (0, [])
    assert (tmp_path / "outside/kept").exists()
    assert (tmp_path / "hub/.locks/modelgen/aside" / SNAPSHOT / "modeling_evil.py").read_bytes() == b"import os"


def test_what_is_foreign_elsewhere_is_a_note(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    write(tmp_path / "hub/models--other--one/refs/main", b"x")
    write(checkout.folder / "snapshots" / ("e" * 40) / "config.json", b"{}")
    write(checkout.folder / "blobs/abc.1234.incomplete", b"{}")
    write(tmp_path / "hub/.locks/modelgen/partial" / REPO / "abc", b"{}")
    code, notes = verify(tmp_path, "--fix")
    assert code == 0
    assert {note["severity"] for note in notes} == {"note"}
    assert sorted(note["kind"] for note in notes) == ["leftover", "leftover", "other", "other"]
    assert (checkout.folder / "snapshots" / ("e" * 40) / "config.json").exists()


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_what_the_container_cannot_read(tmp_path: Path, mode: int) -> None:
    checkout, blobs = fetched(tmp_path)
    blobs[WEIGHTS].chmod(mode)
    checkout.ref("main").chmod(mode)
    checkout.folder.chmod(0o700)
    (tmp_path / "hub").chmod(0o750)
    wrong = errors(tmp_path, "--quick")
    assert len(wrong) == 4
    assert " has mode 0750: the container's user cannot read this folder" in wrong[0]
    assert f"{REPO} has mode 0700: the container's user cannot read this folder" in wrong[1]
    assert f"blobs/{blobs[WEIGHTS].name} has mode {mode:04o}: the container's user cannot read this file" in wrong[2]
    assert verify(tmp_path, "--fix")[0] == 0
    assert verify(tmp_path) == (0, [])
    assert blobs[WEIGHTS].stat().st_mode & 0o777 == mode | 0o444


def test_a_closed_listing_is_a_note_since_clients_go_on_without_it(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    checkout.tree.chmod(0o600)  # as the client makes it
    code, (note,) = verify(tmp_path, "--quick")
    assert (code, note["kind"], note["severity"]) == (0, "mode", "note")
    verify(tmp_path, "--quick", "--fix")
    assert verify(tmp_path) == (0, [])


def test_a_shared_store_inside_the_hub_is_a_note_and_outside_an_error(tmp_path: Path) -> None:
    _, blobs = fetched(tmp_path)
    stored = tmp_path / "hub/blobs/ab" / ("ab" * 32)
    write(stored, FILES[WEIGHTS])
    relink(blobs[WEIGHTS], os.path.relpath(stored, blobs[WEIGHTS].parent))
    code, (note,) = verify(tmp_path)
    assert (code, note["kind"], note["path"]) == (0, "shared", REPO)
    flip(stored)
    assert len(errors(tmp_path)) == 1


def test_plain_files_where_links_cannot_be(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    for path, data in FILES.items():
        (checkout.snapshot / path).unlink()
        write(checkout.snapshot / path, data)
    shutil.rmtree(checkout.folder / "blobs")
    assert verify(tmp_path) == (0, [])


def test_a_snapshot_that_is_not_there_at_all(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    checkout.folder.rename(tmp_path / "elsewhere")
    (wrong,) = errors(tmp_path)
    assert f"{SNAPSHOT} is missing: the whole snapshot (3 files, 512,0" in wrong
    checkout.folder.symlink_to(tmp_path / "elsewhere")
    (wrong,) = errors(tmp_path)
    assert wrong.startswith(f"{REPO} is a link with an absolute path")
    errors(tmp_path, "--fix")
    assert (tmp_path / "elsewhere/snapshots" / COMMIT / "config.json").exists()
    checkout.folder.unlink()
    checkout.folder.symlink_to("gone")
    assert errors(tmp_path)[0].startswith(f"{REPO} is a dangling symlink")
    (tmp_path / "hub/gone").mkdir(mode=0o755)
    assert f"{SNAPSHOT} is missing" in errors(tmp_path)[0]


def test_a_folder_in_a_snapshot_that_is_a_link_out_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    (checkout.snapshot / "deep").rename(tmp_path / "deep")
    (checkout.snapshot / "deep").symlink_to(tmp_path / "deep")
    (wrong,) = errors(tmp_path, "--fix")
    assert wrong.startswith(f"{SNAPSHOT}/deep is a link with an absolute path")
    assert (tmp_path / "deep/er/vocab.json").is_symlink()
    assert errors(tmp_path) == [f"{SNAPSHOT}/deep/er/vocab.json is missing; its content is in blobs/"]


def test_a_copy_without_links_is_one_message_for_a_repository(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    for path in checkout.files:
        checkout.snapshot.joinpath(path).unlink()
    done = modelgen("verify", cwd=tmp_path)
    told = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert told[0].endswith(f"{len(checkout.files) - 1} more files of org/model too")
    assert len(verify(tmp_path)[1]) == len(checkout.files)
    assert verify(tmp_path, "--fix")[0] == 0
    assert verify(tmp_path) == (0, [])


def test_a_hub_that_was_copied_one_level_too_deep(tmp_path: Path) -> None:
    fetched(tmp_path)
    (tmp_path / "hub").rename(tmp_path / "copied")
    (tmp_path / "hub").mkdir()
    (tmp_path / "copied").rename(tmp_path / "hub/hub")
    [wrong] = errors(tmp_path)
    assert f"is missing, but {tmp_path / 'hub/hub'} has it: the hub directory was copied to the wrong level" in wrong
    for folder in (tmp_path / "hub/hub").iterdir():
        folder.rename(tmp_path / "hub" / folder.name)
    assert errors(tmp_path) == []
