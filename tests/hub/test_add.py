"""`modelgen add`: a checkpoint of the user's is in the hub directory as if it had been fetched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkpoints import adapter, checkpoint, pattern, safetensors
from compiling import complete, modelgen
from hub_on_disk import write

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "hub/models--local--ft"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "models.toml").write_text(
        complete(
            '[project]\nname = "demo"\nhub = "hub"\n[models.base]\nrepo = "org/base"\ngpus = ["gpu0"]\n'
            "args = { max-model-len = 4096 }\n"
        )
    )
    return tmp_path


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    import tempfile

    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("/dev/shm is no file system of its own here")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        yield Path(folder)


def add(root: Path, *args: str | Path, code: int = 0, name: str = "local/ft") -> tuple[str, str]:
    done = modelgen("add", *args, "--as", name, cwd=root)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout, done.stderr


def opened(root: Path, repo: str = "local/ft", revision: str | None = None) -> Path:
    """Return the snapshot that the real client opens offline."""
    script = (
        "import sys, huggingface_hub as hf; "
        "print(hf.snapshot_download(sys.argv[1], revision=sys.argv[2] or None, cache_dir=sys.argv[3]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, repo, revision or "", str(root / "hub")],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def head(root: Path) -> str:
    text = (root / FOLDER / "refs/main").read_text()
    assert len(text) == 40
    return text


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_checkpoint_is_linked_and_opened_by_name_and_commit(root: Path) -> None:
    source = checkpoint(root / "runs/my-ft")
    write(source / ".git/config", b"x")
    write(source / ".cache/huggingface/download/x.metadata", b"x")
    write(source / "optimizer.pt", b"x" * 10)
    write(source / "checkpoint-500/model.safetensors", b"x")
    out, err = add(root, "runs/my-ft")
    assert tomllib.loads(out) == {
        "models": {"ft": {"repo": "local/ft", "gpus": ["gpu0"], "args": {"max-model-len": 16384}}}
    }
    assert "left out, since only training needs it: checkpoint-500, optimizer.pt" in err
    assert "hard-linked" in err or "nothing copied" in err
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
    assert not [path for path in (root / "hub").rglob("*") if path.name.isdecimal()]


def test_another_file_system_needs_a_copy(root: Path, elsewhere: Path) -> None:
    source = checkpoint(elsewhere / "a")
    (source / "config.json").chmod(0o600)
    size = sum(path.stat().st_size for path in source.iterdir())
    _, err = add(root, source, code=3)
    assert f"3 files with {size:,} bytes would have to be copied" in err
    assert "add `--copy` to do so" in err
    assert not (root / FOLDER).exists()
    _, err = add(root, source, "--copy")
    assert f"{size:,} bytes copied" in err
    assert contents(opened(root)) == contents(source)
    _, err = add(root, source)
    assert "nothing to do" in err
    for path in (root / FOLDER).rglob("*"):
        assert path.is_symlink() or path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_no_room_for_a_copy(elsewhere: Path, root: Path) -> None:
    free = os.statvfs(elsewhere).f_bavail * os.statvfs(elsewhere).f_frsize
    text = (root / "models.toml").read_text().replace('hub = "hub"', f'hub = "{elsewhere}/hub"')
    (root / "models.toml").write_text(text)
    source = checkpoint(root / "a")
    header = json.dumps({"w": {"dtype": "U8", "shape": [free], "data_offsets": [0, free]}}).encode()
    with (source / "model.safetensors").open("wb") as file:  # sparse: it only says that it is so large
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + free)
    _, err = add(root, source, "--copy", code=3)
    assert "make room" in err


def test_a_file_that_is_closed_to_others_is_not_opened_behind_its_owners_back(root: Path) -> None:
    source = checkpoint(root / "a")
    (source / "model.safetensors").chmod(0o600)
    _, err = add(root, source, code=3)
    assert "1 file with" in err
    assert "closed to others" in err
    add(root, source, "--copy")
    assert (source / "model.safetensors").stat().st_mode & 0o777 == 0o600
    assert contents(opened(root)) == contents(source)


def test_an_adapter_of_a_model_that_is_served(root: Path) -> None:
    out, _ = add(root, adapter(root / "lora", "org/base"))
    assert tomllib.loads(out) == {"loras": {"ft": "local/ft"}}
    assert "# Into [models.base], which serves its base org/base; and into its args: max-lora-rank = 32" in out
    assert (opened(root) / "adapter_config.json").exists()


def test_an_adapter_of_a_model_that_is_not_served(root: Path) -> None:
    out, _ = add(root, adapter(root / "lora", "org/Other-4B", 8))
    args = {"max-model-len": 4096, "max-lora-rank": 8}
    assert tomllib.loads(out)["models"] == {
        "Other-4B": {"repo": "org/Other-4B", "gpus": ["gpu0"], "args": args, "loras": {"ft": "local/ft"}}
    }
    out, _ = add(root, adapter(root / "lora2", "/home/me/base"))
    assert "# Into the table of its base model" in out


def test_gguf_in_a_folder_alone_and_in_shards(root: Path) -> None:
    write(root / "q/m-Q4.gguf", b"GGUF" + pattern(100, 1))
    write(root / "q/mmproj-f16.gguf", b"GGUF" + pattern(100, 2))
    table = {
        "repo": "local/ft",
        "engine": "llamacpp",
        "file": "m-Q4.gguf",
        "gpus": ["gpu0"],
        "args": {"ctx-size": 4096},
    }
    out, _ = add(root, "q")
    assert tomllib.loads(out)["models"]["ft"] == {**table, "mmproj": "mmproj-f16.gguf"}
    out, _ = add(root, "q/m-Q4.gguf")
    assert tomllib.loads(out)["models"]["ft"] == table
    assert [*contents(opened(root))] == ["m-Q4.gguf"]
    for number in (1, 2):
        write(root / f"s/big-0000{number}-of-00002.gguf", b"GGUF" + pattern(100, number))
    out, _ = add(root, "s/big-00002-of-00002.gguf")
    assert tomllib.loads(out)["models"]["ft"]["file"] == "big-00001-of-00002.gguf"
    (root / "s/big-00002-of-00002.gguf").unlink()
    _, err = add(root, "s", code=1)
    assert "1 of 2 shards is missing (such as big-00002-of-00002.gguf)" in err


def test_an_embedding_model(root: Path) -> None:
    write(checkpoint(root / "e") / "modules.json", b"[]")
    out, _ = add(root, "e")
    assert tomllib.loads(out)["models"]["ft"] == {"repo": "local/ft", "engine": "tei", "gpus": ["gpu0"]}


def test_names_and_models_toml(root: Path) -> None:
    checkpoint(root / "a")
    for name in ("org/ft", "local/a--b", "local/../x", "local/", "ft"):
        _, err = add(root, "a", code=2, name=name)
        assert "write --as local/my-ft" in err
    (root / "models.toml").write_text("[project]\nname = 'x'\n")
    _, err = add(root, "a", code=1)
    assert "models.toml does not say where the hub directory is" in err
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
    done = subprocess.run(
        [sys.executable, "-c", script, "add", "a", "--as", "local/ft"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "compiler")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
