"""`modelgen add` that is killed, raced with, or given anything: what has a name is whole."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints import checkpoint, pattern, safetensors
from compiling import complete, modelgen, script, start
from hub_on_disk import write

TOML = complete('[project]\nname = "demo"\nhub = "hub"\n')

# Kills its own process at the n-th call that changes the disk, as a power cut would.
KILLED = """
import os, signal, sys
calls, last = 0, int(sys.argv.pop(1))
CHANGES = {"os.rename", "os.mkdir", "os.chmod", "os.link", "os.symlink", "os.remove", "shutil.rmtree"}
def hook(event, args):
    global calls
    is_write = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wxa")
    if event in CHANGES or is_write:
        calls += 1
        if calls > last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.dont_write_bytecode = True
import modelgen.cli.table.add, modelgen.cli.table.local
import modelgen.hub.adding.add, modelgen.hub.cache.holding, modelgen.hub.snapshot.checkpoint
sys.addaudithook(hook)
"""


OPEN = """
import sys, huggingface_hub as hf
try:
    print(hf.snapshot_download("local/ft", revision=sys.argv[2] or None, cache_dir=sys.argv[1]))
except hf.errors.LocalEntryNotFoundError:
    pass
"""


def opened(root: Path, revision: str = "") -> Path | None:
    """Return what the real client opens offline; None when it finds nothing."""
    done = script(OPEN, root / "hub", revision, cwd=root, env={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()) if done.stdout.strip() else None


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder that somebody else is changing."""
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # it got its place meanwhile
            total += path.stat().st_size
    return total


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_kill_at_any_change_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(TOML)
    old, new = checkpoint(tmp_path / "old"), checkpoint(tmp_path / "new", seed=3)
    for path in new.iterdir():
        path.chmod(0o600)
    assert modelgen("add", old, "--as", "local/ft", "--no-table", cwd=tmp_path).returncode == 0
    ref = tmp_path / "hub/models--local--ft/refs/main"
    first = ref.read_text()
    command = ["add", str(new), "--as", "local/ft", "--no-table"]
    for last in range(2, 200, 3):
        done = modelgen(str(last), *command, cwd=tmp_path, before=KILLED)
        snapshot = ref.parent.parent / "snapshots" / ref.read_text()
        assert contents(snapshot) == contents(old if snapshot.name == first else new)
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0, done.stderr
            break
    else:
        raise AssertionError("it was never done")
    assert last > 15
    assert ref.read_text() != first
    assert contents(opened(tmp_path) or tmp_path) == contents(new)
    assert contents(opened(tmp_path, first) or tmp_path) == contents(old)
    rest = [path.name for path in (tmp_path / "hub").rglob("*") if path.name.endswith(".modelgen-new")]
    assert not rest
    assert not (tmp_path / "hub/.locks/modelgen/adding").exists()


NO_LINKS = """
import os
def refused(*_, **__):
    raise PermissionError(1, "Operation not permitted")
os.symlink = refused
"""


def test_a_kill_where_there_are_no_links_leaves_whole_snapshots_only(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(TOML)
    source = checkpoint(tmp_path / "new")
    snapshots = tmp_path / "hub/models--local--ft/snapshots"
    last, there = 0, list[Path]()
    for last in range(1, 200, 2):
        command = [str(last), "add", str(source), "--as", "local/ft", "--no-table"]
        done = modelgen(*command, cwd=tmp_path, before=NO_LINKS + KILLED)
        there = [*snapshots.iterdir()] if snapshots.is_dir() else []
        assert all(contents(snapshot) == contents(source) for snapshot in there), last
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0, done.stderr
            break
        shutil.rmtree(tmp_path / "hub", ignore_errors=True)
    assert last > 15
    [snapshot] = there
    assert not any(path.is_symlink() for path in snapshot.rglob("*"))


def test_kills_in_the_middle_of_a_large_copy(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(TOML)
    source = checkpoint(tmp_path / "a")
    write(source / "model.safetensors", safetensors(60 * 2**20))
    (source / "model.safetensors").chmod(0o600)
    command = ["add", "a", "--as", "local/ft", "--no-table"]
    staged = tmp_path / "hub/.locks/modelgen/adding"
    for least in (1, 10 * 2**20, 40 * 2**20):
        process = start(*command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if size_of(staged) >= least:
                process.kill()
                break
            time.sleep(0.0005)
        if process.wait() == -signal.SIGKILL:
            assert opened(tmp_path) is None
    assert modelgen(*command, cwd=tmp_path).returncode == 0
    assert contents(opened(tmp_path) or tmp_path) == contents(source)


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(TOML)
    source = checkpoint(tmp_path / "a")
    (source / "model.safetensors").chmod(0o600)
    before = (
        "import os, sys\n"
        "def hook(event, args):\n"
        "    if event == 'open' and '/.locks/modelgen/adding/' in str(args[0]):\n"
        f"        os.utime({str(source / 'model.safetensors')!r}, ns=(1, 1))\n"
        "sys.addaudithook(hook)"
    )
    done = modelgen("add", "a", "--as", "local/ft", "--no-table", cwd=tmp_path, before=before)
    assert done.returncode == 1, done.stderr
    assert "model.safetensors changed while it was added" in done.stderr
    assert not (tmp_path / "hub/models--local--ft/refs").exists()


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='/\\<>:"|?*\x7f', exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=12,
)
PARTS = NAMES.filter(lambda name: not name.startswith(".") and name == name.strip() and len(name.encode()) < 200)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "/".join(["t", *parts]) + ".txt")


@settings(max_examples=4, deadline=None)
@given(st.dictionaries(PATHS, st.integers(0, 3000), max_size=8), st.booleans())
def test_any_tree_opens_offline_by_name_and_by_commit(tree: dict[str, int], copied: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "models.toml").write_text(TOML)
        source = checkpoint(root / "a")
        for number, (path, size) in enumerate(tree.items()):
            write(source / path, pattern(size, number))
            if copied:
                (source / path).chmod(0o600)
        done = modelgen("add", source, "--as", "local/ft", "--no-table", cwd=root)
        assert done.returncode == 0, done.stderr
        snapshot = opened(root)
        assert snapshot is not None
        assert contents(snapshot) == contents(source)
        assert opened(root, snapshot.name) == snapshot
