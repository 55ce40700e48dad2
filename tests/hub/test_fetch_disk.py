"""What lies in the hub directory already, and disks that will not have more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from hub_project import Project, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hub_double import Hub

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FILES = {CONFIG: b"{}", WEIGHTS: bytes(range(256)) * 100, "copy.safetensors": bytes(range(256)) * 100}
mounting = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or shutil.which("mount") is None,
    reason="only root can mount a file system",
)


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    """A project whose hub directory is complete."""
    made = project(tmp_path, hub, {"org/model": FILES})
    assert made.run("fetch").returncode == 0
    hub.clear()
    return made


def other_link(link: Path, target: Path | str) -> None:
    link.unlink()
    link.symlink_to(target)


def empty_file(link: Path) -> None:
    link.unlink()
    link.touch()


DAMAGED: dict[str, tuple[Callable[[Path], None], bool]] = {
    "truncated blob": (lambda link: os.truncate(link.resolve(), 1000), True),
    "longer blob": (lambda link: os.truncate(link.resolve(), 30_000), True),
    "dangling link": (lambda link: link.resolve().unlink(), True),
    "no link": (lambda link: link.unlink(), False),
    "link to another": (lambda link: other_link(link, link.with_name(CONFIG).readlink()), False),
    "empty file": (empty_file, False),
    "link that leads back to itself": (lambda link: other_link(link, link.name), False),
    "link out of the hub": (lambda link: other_link(link, link.parents[5] / "mine"), False),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_damaged_comes_again(hub: Hub, models: Project, damage: str) -> None:
    (models.folder / "mine").write_text("not modelgen's")
    change, comes = DAMAGED[damage]
    change(models.snapshot(models.snapshots[0]) / WEIGHTS)
    done = models.run("fetch")
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert hub.bytes_sent() == len(FILES[WEIGHTS]) * comes
    assert (models.folder / "mine").read_text() == "not modelgen's"


def test_a_large_blob_that_was_cut_comes_again(hub: Hub, tmp_path: Path, large: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {WEIGHTS: large, "copy.safetensors": large}})
    assert models.run("fetch").returncode == 0
    os.truncate(models.blob(models.snapshots[0], WEIGHTS), 1000)
    assert models.run("fetch").returncode == 0
    assert models.damage() == []
    (models.snapshot(models.snapshots[0]) / WEIGHTS).unlink()
    hub.clear()
    assert models.run("fetch").returncode == 0
    assert models.damage() == []
    assert hub.bytes_sent() == 0


@pytest.mark.parametrize("text", ["{}\n", "0" * 40, ""])
def test_a_wrong_ref_is_mended_without_the_network(hub: Hub, models: Project, text: str) -> None:
    entry = models.snapshots[0]
    ref = models.snapshot(entry).parents[1] / "refs/main"
    ref.write_text(text.replace("{}", entry.commit))
    tree = models.snapshot(entry).parents[1] / f"trees/{entry.commit}.json"
    tree.unlink()
    assert models.run("fetch").returncode == 0
    assert models.damage() == []
    assert hub.requests == []


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_folder_where_a_file_belongs(hub: Hub, models: Project, *, is_empty: bool) -> None:
    link = models.snapshot(models.snapshots[0]) / WEIGHTS
    link.unlink()
    link.mkdir()
    if not is_empty:
        (link / "mine").touch()
    done = models.run("fetch")
    assert done.returncode == 3
    assert (
        done.stderr.splitlines()[-1]
        == f"modelgen: {link} is a folder in the place of a file; run `modelgen verify --fix`"
    )
    assert hub.bytes_sent() == 0


def test_a_file_where_a_folder_belongs(models: Project) -> None:
    shutil.rmtree(models.hub)
    models.hub.touch()
    done = models.run("fetch")
    assert done.returncode == 3
    assert done.stderr.startswith("modelgen: cannot write ")
    assert "Traceback" not in done.stderr


@pytest.fixture
def disk() -> Iterator[Callable[..., Path]]:
    """Mounts a small file system in the folder, and takes it away in the end."""
    mounted: list[Path] = []

    def mount(folder: Path, *options: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this root may not mount that")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@mounting
def test_a_disk_that_is_too_small_is_known_before(
    hub: Hub, tmp_path: Path, large: Path, disk: Callable[..., Path]
) -> None:
    models = project(tmp_path, hub, {"org/model": {CONFIG: b"{}", WEIGHTS: large}})
    disk(models.hub, "-t", "tmpfs", "-o", "size=20m", "modelgen-test")
    done = models.run("fetch")
    assert done.returncode == 3
    assert done.stderr.startswith(f"modelgen: {models.hub} has 21.0 MB")
    assert done.stderr.endswith(
        " free, and 101.0 MB are needed, with 5% to spare; free some space, such as with "
        "`modelgen prune`, or set another directory in `[project] hub`\n"
    )
    assert hub.requests == []


@mounting
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_disk_that_fills_meanwhile(
    hub: Hub, tmp_path: Path, large: Path, disk: Callable[..., Path], size: str
) -> None:
    weights = large if size == "large" else bytes(range(250)) * 40_000
    models = project(tmp_path, hub, {"org/model": {CONFIG: b"{}", WEIGHTS: weights}})
    disk(models.hub, "-t", "tmpfs", "-o", f"size={130 if size == 'large' else 20}m", "modelgen-test")
    hub.faults.slow(5_000_000, path=WEIGHTS)
    fetch = models.start("fetch")
    while not hub.bytes_sent(WEIGHTS):
        time.sleep(0.01)
    filler = models.hub / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            pass
    hub.faults.clear()
    _, talk = fetch.communicate(timeout=60)
    assert fetch.returncode == 3, talk
    sentence = talk.splitlines()[-1]
    assert re.match(rf"modelgen: model: org/model: ({WEIGHTS}|{CONFIG}): cannot write /", sentence)
    assert "no space left on device; fix that and run `modelgen fetch` again; downloads are kept" in sentence
    assert not (models.snapshot(models.snapshots[0]).parents[1] / "refs").exists()
    filler.unlink()
    assert models.run("fetch").returncode == 0
    assert models.damage() == []


@mounting
def test_a_hub_directory_that_is_read_only(hub: Hub, models: Project, disk: Callable[..., Path]) -> None:
    disk(models.hub, "--bind", str(models.hub))
    subprocess.run(["mount", "-o", "remount,ro,bind", str(models.hub)], check=True)
    done = models.run("fetch")
    assert (done.returncode, done.stderr) == (0, f"{models.hub}: nothing is missing\n")
    assert hub.requests == []
    (models.folder / "models.lock").unlink()
    models.want("org/more", {CONFIG: b"[]"}, hub.add("org/more", {CONFIG: b"[]"}))
    done = models.run("fetch")
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "read-only file system" in done.stderr


def test_a_file_system_without_links(hub: Hub, tmp_path: Path, large: Path) -> None:
    files: dict[str, bytes | Path] = {
        CONFIG: b"{}",
        WEIGHTS: large,
        "copy.safetensors": large,
        "a": bytes(11_000),
        "b": bytes(11_000),
    }
    models = project(tmp_path, hub, {"org/model": files})
    done = models.run("fetch", HF_HUB_DISABLE_SYMLINKS="1")
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert not [path for path in models.hub.rglob("*") if path.is_symlink()]
    assert hub.bytes_sent(WEIGHTS) + hub.bytes_sent("copy.safetensors") == large.stat().st_size
    hub.clear()
    assert models.run("fetch", HF_HUB_DISABLE_SYMLINKS="1").returncode == 0
    assert hub.requests == []


def test_a_file_system_that_lost_its_links(hub: Hub, models: Project, large: Path) -> None:
    """A blob that an earlier run left where links could be is copied where they cannot."""
    models.want("org/large", {WEIGHTS: large}, hub.add("org/large", {WEIGHTS: large}))
    assert models.run("fetch").returncode == 0
    hub.clear()
    for entry in models.snapshots:
        (models.snapshot(entry) / WEIGHTS).unlink()
    assert models.run("fetch", HF_HUB_DISABLE_SYMLINKS="1").returncode == 0
    assert models.damage() == []
    assert hub.bytes_sent("org/large/*") == 0
