"""What modelgen keeps in a hub directory is in nobody's way, and an older version's is taken over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hub_project import Project

if TYPE_CHECKING:
    from hub_double import Hub

FILES = {"config.json": b'{"architectures": ["Qwen3ForCausalLM"]}', "model.safetensors": b"weights"}


def fetched(hub: Hub, folder: Path) -> Project:
    models = Project(folder, hub.environment)
    models.want("org/model", FILES, hub.add("org/model", FILES))
    done = models.run("fetch")
    assert done.returncode == 0, done.stderr
    return models


def test_hf_cache_ls_gives_no_warning(hub: Hub, tmp_path: Path) -> None:
    models = fetched(hub, tmp_path)
    command: list[str | Path] = [Path(sys.executable).parent / "hf", "cache", "ls", "--cache-dir", models.hub]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**hub.environment, "PATH": "/bin"})
    assert "org/model" in done.stdout
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_the_folder_of_an_older_version_is_moved(hub: Hub, tmp_path: Path) -> None:
    models = fetched(hub, tmp_path)
    old = models.hub / ".modelgen"
    for name in ("assets/abc/o200k_base.tiktoken", "partial/models--org--model/abc", "holder.json"):
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_bytes(b"kept")
    (models.snapshot(models.snapshots[0]) / "model.safetensors").unlink()
    assert models.run("fetch").returncode == 0
    own = models.hub / ".locks/modelgen"
    assert not old.exists()
    assert (own / "assets/abc/o200k_base.tiktoken").read_bytes() == b"kept"
    assert (own / "partial/models--org--model/abc").read_bytes() == b"kept"


def test_it_is_moved_though_there_is_nothing_to_fetch(hub: Hub, tmp_path: Path) -> None:
    models = fetched(hub, tmp_path)
    (models.hub / ".locks/modelgen").rename(models.hub / ".modelgen")
    done = models.run("fetch")
    assert (done.returncode, done.stderr) == (0, f"{models.hub}: nothing is missing\n")
    assert not (models.hub / ".modelgen").exists()
    assert (models.hub / ".locks/modelgen/seen.json").is_file()
