"""`modelgen verify` on hub directories that were copied without links, or half: told apart from damage, and fixed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_on_disk import COMMIT, FILES, fetched, write
from verifying import REPO, SNAPSHOT, WEIGHTS, errors, flip, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def as_text(pointer: Path) -> None:
    target = pointer.readlink().as_posix()
    pointer.unlink()
    write(pointer, target.encode())


def as_cygwin(pointer: Path) -> None:
    target = pointer.readlink().as_posix()
    pointer.unlink()
    write(pointer, b"!<symlink>\xff\xfe" + target.encode("utf-16-le") + b"\0\0")


def as_nothing(pointer: Path) -> None:
    pointer.unlink()
    write(pointer, b"")


def as_absolute(pointer: Path) -> None:
    target = pointer.resolve()
    pointer.unlink()
    pointer.symlink_to(target)


COPIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "text": (as_text, "is a text file in place of a link, as a copy without links leaves it; its content is in"),
    "cygwin": (as_cygwin, "is a text file in place of a link"),
    "empty": (as_nothing, "is an empty file in place of a link"),
    "absolute": (
        as_absolute,
        "is a link with an absolute path, which is broken in a container; its content is in",
    ),
    "missing": (os.unlink, "is missing; its content is in blobs/"),
}


@pytest.mark.parametrize("repo", ["org/model", "local/model"])
@pytest.mark.parametrize("way", COPIES)
def test_links_that_a_copy_lost_are_made_again(tmp_path: Path, way: str, repo: str) -> None:
    checkout, blobs = fetched(tmp_path, repo=repo)
    for file in checkout.files.values():
        COPIES[way][0](checkout.pointer(file))
    shutil.rmtree(checkout.folder / "refs")
    wrong = [line for line in errors(tmp_path) if "/refs/" not in line]
    assert len(wrong) == len(FILES)
    assert all(f"/snapshots/{COMMIT}/" in line and COPIES[way][1] in line for line in wrong)
    done = modelgen("verify", "--fix", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert verify(tmp_path) == (0, [])
    for path, file in checkout.files.items():
        assert checkout.pointer(file).readlink().name == file.etag
        assert blobs[path].read_bytes() == FILES[path]


def test_a_damaged_blob_is_not_linked_and_gets_no_ref(tmp_path: Path) -> None:
    checkout, blobs = fetched(tmp_path)
    for file in checkout.files.values():
        as_text(checkout.pointer(file))
    flip(blobs[WEIGHTS])
    shutil.rmtree(checkout.folder / "refs")
    done = modelgen("verify", "--fix", cwd=tmp_path)
    assert done.returncode == 1
    assert not blobs[WEIGHTS].exists()
    assert not checkout.ref("main").exists()
    assert errors(tmp_path)[-1] == f"{SNAPSHOT}/{WEIGHTS} is missing"


def test_only_the_blobs_of_a_snapshot(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    for folder in ("snapshots", "refs", "trees"):
        shutil.rmtree(checkout.folder / folder)
    assert len(errors(tmp_path)) == len(FILES)  # the missing ref is a note
    assert modelgen("verify", "--fix", cwd=tmp_path).returncode == 0
    assert verify(tmp_path) == (0, [])


def test_only_the_links_of_a_snapshot(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    shutil.rmtree(checkout.folder / "blobs")
    (wrong,) = errors(tmp_path)
    assert wrong.startswith(f"{REPO}/blobs was not copied: 0123456789ab… has only links to it (3 files, 512,059 bytes)")


def test_files_and_blobs_are_twice_on_the_disk_until_they_are_fixed(tmp_path: Path) -> None:
    checkout, blobs = fetched(tmp_path)
    for path, file in checkout.files.items():
        checkout.pointer(file).unlink()
        write(checkout.pointer(file), FILES[path])
    code, (note,) = verify(tmp_path)
    assert (code, note["kind"], note["path"]) == (0, "twice", SNAPSHOT)
    assert (
        "is a copy without links, which is fine, but 3 files of it are in blobs/ too (512,059 bytes twice)"
        in note["message"]
    )
    flip(checkout.pointer(checkout.files[WEIGHTS]))
    assert modelgen("verify", "--fix", cwd=tmp_path).returncode == 0
    assert verify(tmp_path) == (0, [])
    assert all(checkout.pointer(file).is_symlink() for file in checkout.files.values())
    assert blobs[WEIGHTS].read_bytes() == FILES[WEIGHTS]


def test_a_file_of_a_local_model_is_never_replaced_by_a_link_to_something_else(tmp_path: Path) -> None:
    checkout, blobs = fetched(tmp_path, repo="local/model")
    pointer = checkout.pointer(checkout.files[WEIGHTS])
    pointer.unlink()
    write(pointer, b"an edit that exists nowhere else")
    assert modelgen("verify", "--fix", cwd=tmp_path).returncode == 1
    assert pointer.read_bytes() == b"an edit that exists nowhere else"
    assert blobs[WEIGHTS].read_bytes() == FILES[WEIGHTS]


def test_only_the_named_models_are_checked(tmp_path: Path) -> None:
    other = '[models.other]\nrepo = "org/other"\ngpus = ["gpu0"]\nargs = { max-model-len = 4096 }\n'
    checkout, _ = fetched(tmp_path, toml=other)
    (checkout.folder / "snapshots" / ("e" * 40)).mkdir()
    assert errors(tmp_path) == [" org/other is not locked: models.lock has no such entry"]
    assert verify(tmp_path, "m") == (0, [])
    assert errors(tmp_path, "other") == [" org/other is not locked: models.lock has no such entry"]
    done = modelgen("verify", "othr", cwd=tmp_path)
    assert done.returncode == 2
    assert "has no model `othr`" in done.stderr


def test_one_damaged_entry_of_the_lock_leaves_the_others_to_be_checked(tmp_path: Path) -> None:
    from modelgen.lockfile.reading import parse_lock
    from modelgen.lockfile.writing import render_lock

    other = '[models.other]\nrepo = "org/other"\ngpus = ["gpu0"]\nargs = { max-model-len = 4096 }\n'
    _, blobs = fetched(tmp_path, toml=other)
    lock, _ = parse_lock((tmp_path / "models.lock").read_bytes())
    assert lock is not None
    second = lock.snapshots[0].model_copy(update={"repo": "org/other", "models": ["other"]})
    text = render_lock(lock.model_copy(update={"snapshots": [lock.snapshots[0], second]})).decode()
    head, _, tail = text.rpartition("size = ")
    (tmp_path / "models.lock").write_text(f"{head}size = 9{tail}")
    flip(blobs[WEIGHTS])
    wrong = errors(tmp_path)
    assert len(wrong) == 2
    assert "models.lock was edited by hand at org/other" in wrong[1] or "models.lock was edited" in wrong[0]
    assert any(f"{WEIGHTS} is damaged" in line for line in wrong)
