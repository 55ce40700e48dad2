"""`modelgen add`: a checkpoint of the user's is in the hub directory as if it had been fetched."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adding import FOLDER, add, contents, head, opened, project
from checkpoints import checkpoint, safetensors
from compiling import modelgen, python
from hub_on_disk import write

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    import tempfile

    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("/dev/shm is no file system of its own here")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        yield Path(folder)


def test_a_checkpoint_is_added_and_opened_by_name_and_commit(root: Path) -> None:
    source = checkpoint(root / "runs/my-ft")
    write(source / ".git/config", b"x")
    write(source / ".cache/huggingface/download/x.metadata", b"x")
    write(source / "optimizer.pt", b"x" * 10)
    write(source / ".env", b"HF_TOKEN=x")
    write(source / "token", b"hf_x")
    write(source / "checkpoint-500/model.safetensors", b"x")
    out, err = add(root, "runs/my-ft")
    assert tomllib.loads(out) == {
        "models": {"ft": {"repo": "local/ft", "gpus": ["gpu0"], "args": {"max-model-len": 16384}}}
    }
    assert "left out, since no engine needs it: .cache, .env, .git, checkpoint-500, optimizer.pt, token" in err
    assert "nothing copied" in err or " bytes copied" in err
    commit = head(root)
    snapshot = opened(root)
    assert snapshot == opened(root, revision=commit) == root / FOLDER / "snapshots" / commit
    assert set(contents(snapshot)) == {"config.json", "tokenizer.json", "model.safetensors"}
    names = {path.name for path in (root / FOLDER / "blobs").iterdir()}
    assert sorted(map(len, names)) == [40, 40, 64]
    listing = json.loads((root / FOLDER / f"trees/{commit}.json").read_bytes())
    assert set(listing["files"]) == set(contents(snapshot))


def test_the_same_content_is_there_already_and_another_gets_a_commit_of_its_own(root: Path) -> None:
    checkpoint(root / "a")
    checkpoint(root / "b")
    write(root / "b/README.md", b"# changed")
    first_table, _ = add(root, "a")
    first = head(root)
    before = {path: path.lstat().st_mtime_ns for path in (root / FOLDER).rglob("*")}
    table, err = add(root, "a")
    assert (table, "nothing to do" in err) == (first_table, True)
    assert before == {path: path.lstat().st_mtime_ns for path in (root / FOLDER).rglob("*")}
    _, err = add(root, "b")
    assert head(root) != first
    assert f"it was commit {first} before" in err
    assert "`modelgen lock --upgrade`" in err
    assert contents(opened(root, revision=first)) == contents(root / "a")
    add(root, "a")
    assert head(root) == first


def test_neither_fetch_nor_verify_takes_a_newer_content_back(root: Path) -> None:
    checkpoint(root / "a")
    add(root, "a")
    (root / "models.toml").write_text((root / "models.toml").read_text().replace('"org/base"', '"local/ft"'))
    assert modelgen("lock", cwd=root).returncode == 0
    checkpoint(root / "b", seed=5)
    add(root, "b")
    second = head(root)
    for command in ("fetch", "verify"):
        done = modelgen(command, cwd=root)
        assert done.returncode == 0, done.stderr + done.stdout
        assert head(root) == second
    assert modelgen("lock", "--upgrade", cwd=root).returncode == 0
    assert second in (root / "models.lock").read_text()


def test_what_was_damaged_is_mended_by_adding_again(root: Path) -> None:
    source = checkpoint(root / "a")
    add(root, source)
    blob = next(path for path in (root / FOLDER / "blobs").iterdir() if len(path.name) == 64)
    blob.unlink()
    write(blob, b"x" * (source / "model.safetensors").stat().st_size)
    (root / FOLDER / f"snapshots/{head(root)}/config.json").unlink()
    (root / FOLDER / "refs/main").write_text(f"{head(root)}\n"[:41])
    add(root, source)
    assert contents(opened(root)) == contents(source)


def test_a_snapshot_of_links_is_followed(root: Path) -> None:
    source = checkpoint(root / "a")
    add(root, source)
    add(root, root / FOLDER / "snapshots" / head(root), name="local/again")
    assert contents(opened(root, "local/again")) == contents(source)
    _, err = add(root, root / FOLDER / "snapshots" / head(root))
    assert "nothing to do" in err


def test_two_files_of_one_content(root: Path) -> None:
    source = checkpoint(root / "a")
    os.link(source / "model.safetensors", source / "twice.safetensors")
    add(root, source)
    assert contents(opened(root)) == contents(source)
    assert not (root / "hub/.locks/modelgen/aside").exists(), "a second copy of one content took room"
    assert not [path for path in (root / "hub").rglob("*") if path.name.isdecimal()]


def test_another_file_system_gets_a_copy_that_everybody_can_read(root: Path, elsewhere: Path) -> None:
    source = checkpoint(elsewhere / "a")
    (source / "config.json").chmod(0o600)
    size = sum(path.stat().st_size for path in source.iterdir())
    _, err = add(root, source)
    assert f"{size:,} bytes copied" in err
    assert contents(opened(root)) == contents(source)
    assert (source / "config.json").stat().st_mode & 0o777 == 0o600
    _, err = add(root, source)
    assert "nothing to do" in err
    for path in (root / FOLDER).rglob("*"):
        assert path.is_symlink() or path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def nlinks(root: Path) -> set[int]:
    return {path.stat().st_nlink for path in (root / FOLDER / "blobs").iterdir()}


def test_an_edit_in_place_does_not_change_the_model(root: Path) -> None:
    source = checkpoint(root / "a")
    before = contents(source)
    add(root, source)
    assert nlinks(root) == {1}
    for path in source.iterdir():
        path.write_bytes(b"edited in place")
    assert contents(opened(root)) == before


def test_a_hard_link_of_an_older_version_is_replaced(root: Path) -> None:
    source = checkpoint(root / "a")
    add(root, source)
    commit = head(root)
    for blob in (root / FOLDER / "blobs").iterdir():
        os.link(blob, root / f"other-{blob.name}")
    add(root, source)
    assert (head(root), nlinks(root)) == (commit, {1})
    assert contents(opened(root)) == contents(source)
    assert "nothing to do" in add(root, source)[1]


def test_no_room_for_a_copy(elsewhere: Path, root: Path) -> None:
    free = os.statvfs(elsewhere).f_bavail * os.statvfs(elsewhere).f_frsize
    text = (root / "models.toml").read_text().replace('hub = "hub"', f'hub = "{elsewhere}/hub"')
    (root / "models.toml").write_text(text)
    source = checkpoint(root / "a")
    header = json.dumps({"w": {"dtype": "U8", "shape": [free], "data_offsets": [0, free]}}).encode()
    with (source / "model.safetensors").open("wb") as file:  # sparse: it only claims to be so large
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + free)
    _, err = add(root, source, code=3)
    assert "free some space" in err


def test_what_no_engine_opens_stays_outside(root: Path) -> None:
    source, taken = checkpoint(root / "a"), {"config.json", "tokenizer.json", "model.safetensors"}
    wanted = ("merges.txt", "vocab.bpe", "tokenizer.model", "x.tiktoken", "chat_template.jinja", "modeling_own.py")
    for name in (*wanted, "LICENSE", "NOTICE.txt", "README.md", "1_Pooling/config.json"):
        write(source / name, b"{}")
        taken.add(name)
    left = ("run.sh", "train.jsonl", "a.parquet", "events.out.tfevents.1", "trainer_state.json", "pytorch_model.bin")
    for name in left:
        write(source / name, b"x")
    _, err = add(root, source)
    assert set(contents(opened(root))) == taken
    assert all(name in err for name in left)


def test_the_table_goes_into_a_pipe(root: Path) -> None:
    checkpoint(root / "a")
    _, err = add(root, "a")
    assert "below" not in err


def test_names_and_models_toml(root: Path) -> None:
    checkpoint(root / "a")
    for name in ("org/ft", "local/a--b", "local/../x", "local/", "ft"):
        _, err = add(root, "a", code=2, name=name)
        assert "write --as local/my-ft" in err
    (root / "models.toml").write_text("[project]\nname = 'x'\n")
    _, err = add(root, "a", code=1)
    assert "models.toml names no hub directory that can be used" in err
    (root / "models.toml").unlink()
    _, err = add(root, "a", code=3)
    assert "there is no models.toml" in err


def test_a_tokenizer_is_missed(root: Path) -> None:
    (checkpoint(root / "a") / "tokenizer.json").unlink()
    _, err = add(root, "a")
    assert "warning: there is no tokenizer" in err


def test_the_size_of_a_shard_of_the_largest_kind_costs_no_memory(root: Path) -> None:
    """64 MB in a process that may have little more than Python itself needs."""
    write(checkpoint(root / "a") / "model.safetensors", safetensors(64 * 2**20))
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (200 * 2**20,) * 2)\n"
        "from modelgen.cli import main; main()"
    )
    done = python("-c", script, "add", "a", "--as", "local/ft", "--no-table", cwd=root)
    assert done.returncode == 0, done.stderr
