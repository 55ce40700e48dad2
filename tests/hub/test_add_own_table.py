"""`modelgen add PATH --as local/NAME`: the table of the checkpoint is appended and locked, without a network."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from adding import project
from checkpoints import adapter, checkpoint, pattern
from compiling import modelgen
from hub_on_disk import write

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path)


def add(root: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `modelgen add` as `local/ft`, where no hub can be reached."""
    return modelgen("add", *args, "--as", "local/ft", cwd=root, env={"HF_HUB_OFFLINE": "1", "PATH": ""})


def models(root: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads((root / "models.toml").read_text())["models"]
    return found


def test_the_table_is_appended_and_the_model_locked(root: Path) -> None:
    before = (root / "models.toml").read_text()
    done = add(root, checkpoint(root / "a"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == '[models.ft]\nrepo = "local/ft"\ngpus = ["gpu0"]\nargs = { max-model-len = 16384 }\n'
    assert (root / "models.toml").read_text() == f"{before}\n{done.stdout}"
    assert "added [models.ft] to models.toml and locked it in models.lock" in done.stderr
    assert "next: modelgen up\n" in done.stderr
    assert "the files do not tell the task, so this is a guess" in done.stderr
    built = modelgen("build", cwd=root)
    assert built.returncode == 0, built.stderr


def test_a_second_addition_changes_the_checkpoint_only(root: Path) -> None:
    add(root, checkpoint(root / "a"))
    before = (root / "models.toml").read_bytes(), (root / "models.lock").read_bytes()
    done = add(root, checkpoint(root / "b", seed=3))
    assert (done.returncode, done.stdout) == (0, "")
    assert "`modelgen lock --upgrade` moves to the new one" in done.stderr
    assert ((root / "models.toml").read_bytes(), (root / "models.lock").read_bytes()) == before


def test_a_gguf_file_is_locked_as_its_engine_needs_it(root: Path) -> None:
    write(root / "m-Q4.gguf", b"GGUF" + pattern(100, 1))
    done = add(root, "m-Q4.gguf", "--id", "small", "--gpu", "gpu0")
    assert done.returncode == 0, done.stderr
    assert models(root)["small"]["file"] == "m-Q4.gguf"
    assert modelgen("build", cwd=root).returncode == 0


def for_serve(root: Path, text: str) -> None:
    (root / "models.toml").write_text(
        '[project]\nname = "demo"\nhub = "hub"\n[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n'
        f'[models.own]\nengine = "command"\ncommand = ["x", "{{port}}"]\n{text}'
    )


def test_a_file_for_serve_needs_no_image(root: Path) -> None:
    for_serve(root, '[engines.llamacpp]\nversion = "b6500"\n')
    write(root / "m-Q4.gguf", b"GGUF" + pattern(100, 1))
    done = add(root, "m-Q4.gguf", "--id", "small")
    assert done.returncode == 0, done.stderr
    assert "next: modelgen serve\n" in done.stderr


def test_a_table_with_errors_is_refused_before_anything_is_copied(root: Path) -> None:
    for_serve(root, "")
    write(root / "m-Q4.gguf", b"GGUF" + pattern(100, 1))
    done = add(root, "m-Q4.gguf", "--id", "small")
    assert done.returncode == 1
    assert "nothing was added" in done.stderr
    assert not (root / "hub").exists()


def test_an_adapter_belongs_into_the_table_of_its_base(root: Path) -> None:
    before = (root / "models.toml").read_bytes()
    done = add(root, adapter(root / "lora", "org/base"))
    assert done.returncode == 0
    assert "put the table on standard output into models.toml" in done.stderr
    assert "# Into [models.base]" in done.stdout
    assert (root / "models.toml").read_bytes() == before


def test_nothing_is_copied_if_the_file_has_errors(root: Path) -> None:
    path = root / "models.toml"
    path.write_text(path.read_text().replace('"gpu0"]', '"gpu9"]'))
    done = add(root, checkpoint(root / "a"))
    assert done.returncode == 1
    assert "fix models.toml first, or pass --no-table; nothing was added" in done.stderr
    assert not (root / "hub").exists()
    done = add(root, root / "a", "--no-table")
    assert done.returncode == 0, done.stderr
    assert "[models.ft]" in done.stdout
