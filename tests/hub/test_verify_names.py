"""`modelgen verify` on refs and listings, and on what it is asked to look at."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, modelgen
from hub_on_disk import COMMIT, fetched, write
from verifying import REPO, SNAPSHOT, WEIGHTS, errors, flip, replace_by_folder, replace_by_pipe, verify

if TYPE_CHECKING:
    from pathlib import Path

REF_FAULTS: dict[str, tuple[bytes, str]] = {
    "line break": (f"{COMMIT}\n".encode(), "has a line break or spaces around the commit"),
    "other commit": (b"f" * 40, "names commit ffffffffffff…, not 0123456789ab… as models.lock does"),
    "anything": (b"\xff\x00" * 1000, "contains no commit"),
}


@pytest.mark.parametrize("fault", REF_FAULTS)
def test_a_wrong_ref_is_written_anew(tmp_path: Path, fault: str) -> None:
    data, message = REF_FAULTS[fault]
    checkout, _ = fetched(tmp_path)
    ref = checkout.ref("main")
    ref.write_bytes(data)
    (wrong,) = errors(tmp_path, "--quick")
    assert f"{REPO}/refs/main {message}" in wrong
    assert verify(tmp_path, "--fix")[0] == 0
    assert ref.read_bytes() == COMMIT.encode()
    assert verify(tmp_path) == (0, [])


TREE_FAULTS = {
    "foreign": ({"gone.bin": {"size": 3, "blob_id": "0" * 40}}, "lists 1 file that is missing (gone.bin)"),
    "wrong": ({"config.json": {"size": 3, "blob_id": "0" * 40}}, "has other hashes or sizes than models.lock"),
    "odd": ({"config.json": 7}, "has other hashes or sizes than models.lock"),
}


@pytest.mark.parametrize("fault", TREE_FAULTS)
def test_a_wrong_listing_is_written_anew(tmp_path: Path, fault: str) -> None:
    change, message = TREE_FAULTS[fault]
    checkout, _ = fetched(tmp_path)
    listing = json.loads(checkout.tree.read_bytes())
    listing["files"].update(change)
    checkout.tree.write_text(json.dumps(listing))
    (wrong,) = errors(tmp_path, "--quick")
    assert f"{REPO}/trees/{COMMIT}.json {message.replace('1 file that are', '1 file that is')}" in wrong
    assert verify(tmp_path, "--fix")[0] == 0
    assert verify(tmp_path) == (0, [])


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b'{"format_version": 1, "files": []}', b"\xff"])
def test_a_listing_that_is_none(tmp_path: Path, data: bytes) -> None:
    checkout, _ = fetched(tmp_path)
    checkout.tree.write_bytes(data)
    assert "is not a listing of files" in errors(tmp_path, "--quick")[0]


def test_nothing_half_done_gets_its_ref(tmp_path: Path) -> None:
    _, blobs = fetched(tmp_path)
    ref = tmp_path / "hub/models--org--model/refs/main"
    ref.unlink()
    blobs[WEIGHTS].unlink()
    done = modelgen("verify", "--fix", cwd=tmp_path)
    assert done.returncode == 1
    assert "run `modelgen fetch`, which writes it when all files are there" in done.stdout
    assert not ref.exists()
    (tmp_path / f"hub/{SNAPSHOT}/{WEIGHTS}").unlink(missing_ok=True)
    again = modelgen("verify", "--fix", cwd=tmp_path)
    assert f"{WEIGHTS} is missing" in again.stdout
    assert "removed" not in again.stdout
    assert "0 dealt with" in again.stderr


def test_a_missing_listing_is_a_note(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    checkout.tree.unlink()
    code, (note,) = verify(tmp_path, "--quick")
    assert (code, note["severity"], note["kind"]) == (0, "note", "listing")


def test_pipes_and_folders_in_place_of_small_files(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path)
    replace_by_pipe(checkout.ref("main"))
    replace_by_folder(checkout.tree)
    wrong = errors(tmp_path)
    assert "refs/main is a named pipe, not a file" in wrong[0]
    assert f"trees/{COMMIT}.json is a folder, not a file" in wrong[1]
    assert verify(tmp_path, "--fix")[0] == 0
    assert verify(tmp_path) == (0, [])


def test_no_hub_directory(tmp_path: Path) -> None:
    fetched(tmp_path)
    (tmp_path / "hub").rename(tmp_path / "gone")
    done = modelgen("verify", "--fix", cwd=tmp_path)
    assert done.returncode == 1
    assert "error: there is no hub directory" in done.stdout
    assert "correct `hub` in [project]" in done.stdout
    assert not (tmp_path / "hub").exists()


def test_no_lock_and_a_lock_that_lacks_a_model(tmp_path: Path) -> None:
    fetched(tmp_path)
    lock = (tmp_path / "models.lock").read_bytes()
    (tmp_path / "models.lock").unlink()
    done = modelgen("verify", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no models.lock; run `modelgen lock`" in done.stderr
    (tmp_path / "models.lock").write_bytes(lock)
    text = (tmp_path / "models.toml").read_text()
    (tmp_path / "models.toml").write_text(text.replace('repo = "org/model"', 'repo = "org/other"'))
    code, findings = verify(tmp_path)
    assert code == 1
    assert findings[0]["message"] == "org/other is not locked: models.lock has no such entry"


def test_a_local_checkpoint_is_never_deleted(tmp_path: Path) -> None:
    checkout, blobs = fetched(tmp_path, repo="local/ft")
    flip(blobs[WEIGHTS])
    write(checkout.snapshot / "only-copy", b"precious")
    (checkout.snapshot / "link").symlink_to("../../blobs")
    code, findings = verify(tmp_path, "--fix")
    assert code == 1
    assert [found["fixed"] for found in findings] == [True, False, False]
    assert "run `modelgen add PATH --as local/ft` again" in findings[1]["help"]
    assert blobs[WEIGHTS].exists()
    assert (checkout.snapshot / "only-copy").exists()
    said = modelgen("verify", "--fix", cwd=tmp_path).stderr
    assert "run `modelgen add PATH --as local/ft`, and move foreign files out of local/ft" in said
    assert "fetch" not in said


def test_a_local_checkpoint_may_have_moved_on(tmp_path: Path) -> None:
    checkout, _ = fetched(tmp_path, repo="local/ft")
    (checkout.folder / "snapshots" / ("e" * 40)).mkdir()
    checkout.ref("main").write_bytes(b"e" * 40)
    code, findings = verify(tmp_path, "--fix")
    assert code == 0
    assert "modelgen lock --upgrade m" in next(found["help"] for found in findings if found["kind"] == "ref")
    assert checkout.ref("main").read_bytes() == b"e" * 40


def test_a_file_of_no_hub(tmp_path: Path) -> None:
    from modelgen.lockfile.entries import Asset
    from modelgen.lockfile.reading import parse_lock
    from modelgen.lockfile.writing import render_lock

    fetched(tmp_path)
    lock, _ = parse_lock((tmp_path / "models.lock").read_bytes())
    assert lock is not None
    harmony = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
    asset = Asset(name="o200k_base.tiktoken", url="https://example.org/x", sha256=harmony, size=10, models=["m"])
    snapshot = lock.snapshots[0].model_copy(update={"config": '{"model_type": "gpt_oss"}'})
    (tmp_path / "models.lock").write_bytes(render_lock(lock.model_copy(update={"snapshots": [snapshot]})))
    assert "o200k_base.tiktoken is not locked" in errors(tmp_path)[0]
    lock = lock.model_copy(update={"snapshots": [snapshot], "assets": [asset]})
    (tmp_path / "models.lock").write_bytes(render_lock(lock))
    place = f".locks/modelgen/assets/{harmony}/o200k_base.tiktoken"
    assert errors(tmp_path) == [f"{place} is missing"]
    write(tmp_path / "hub" / place, b"0123456789")
    assert f"{place} is damaged" in errors(tmp_path)[0]
    errors(tmp_path, "--fix")
    assert not (tmp_path / "hub" / place).exists()


def test_it_needs_no_client(tmp_path: Path) -> None:
    fetched(tmp_path)
    script = (
        "import sys; sys.argv = ['modelgen', 'verify']\nfrom modelgen.cli import main\ntry: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'huggingface_hub', 'rich', 'filelock', 'yaml', 'tree_sitter'} & {*sys.modules}"
    )

    subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY / "compiler")}, check=True
    )
