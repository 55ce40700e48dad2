"""What `modelgen bundle create` refuses, and that its help leads to a bundle."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bundling import SMALL, WITHOUT, Source, faults, manifest, small, tree
from compiling import build

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = 'args.chat-template = "{}"'


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(
        tmp_path / "project", {"org/one": small("one"), "org/two": {**small("two"), "model.safetensors": b"x" * 70_000}}
    )


def refused(source: Source, folder: Path, *args: str | Path, code: int = 1) -> str:
    """Return the output of a run that makes no bundle and leaves the folder as it was."""
    before = tree(folder) if folder.exists() else None
    done = source.create(folder, *args, code=code)
    assert (tree(folder) if folder.exists() else None) == before
    return done.stdout + done.stderr


def test_a_folder_with_other_things_is_left_alone(source: Source, tmp_path: Path) -> None:
    bundle = tmp_path / "drive"
    bundle.mkdir()
    (bundle / "holiday.jpg").write_bytes(b"x")
    assert "is not empty and holds no bundle: it has holiday.jpg; pass another folder" in refused(source, bundle)
    (bundle / "holiday.jpg").unlink()
    (bundle / "lost+found").mkdir()  # a fresh drive
    (bundle / ".Trash-1000").mkdir()
    source.create(bundle)
    assert faults(bundle) == []


def test_the_bundle_of_another_project_is_left_alone(source: Source, tmp_path: Path) -> None:
    other = Source(tmp_path / "other", {"org/one": SMALL}, project="other")
    other.create(tmp_path / "bundle")
    assert "the bundle of another project, other" in refused(source, tmp_path / "bundle")


@pytest.mark.parametrize("damage", ["not a bundle", '{"format": 1}'])
def test_a_damaged_bundle_is_left_alone(source: Source, tmp_path: Path, damage: str) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.json").write_text(damage)
    assert "bundle.json" in refused(source, tmp_path / "bundle")


def test_a_build_must_be_what_models_toml_says(source: Source, tmp_path: Path) -> None:
    compose = source.folder / "build" / "docker-compose.yml"
    (source.folder / "models.toml").write_text(
        (source.folder / "models.toml").read_text().replace("max-model-len = 8", "max-model-len = 9")
    )
    assert "run `modelgen build`" in refused(source, tmp_path / "bundle")
    assert source.run("build").returncode == 0
    compose.write_text(compose.read_text() + "# mine\n")
    assert "`modelgen build --force`" in refused(source, tmp_path / "bundle")
    assert source.run("build", "--force").returncode == 0
    source.create(tmp_path / "bundle")


def test_without_a_lock_it_names_the_command(source: Source, tmp_path: Path) -> None:
    (source.folder / "models.lock").unlink()
    assert "run `modelgen lock`, then `modelgen fetch`" in refused(source, tmp_path / "bundle")


def test_a_hub_that_does_not_verify(source: Source, tmp_path: Path) -> None:
    """Each model is listed, with its file and the next step; nothing is written for what a look can see."""
    source.blob("org/one", "model.safetensors").unlink()
    source.blob("org/two", "model.safetensors").write_bytes(b"x" * 60_000)
    said = refused(source, tmp_path / "bundle", code=3)
    assert "error: one: models--org--one/snapshots/" in said
    assert "model.safetensors is a dangling symlink" in said
    assert "error: two: models--org--two/snapshots/" in said
    assert (
        "has 60,000 bytes, not 70,000 as models.lock says; run `modelgen verify --fix`, then `modelgen fetch`" in said
    )
    source.write()
    source.create(tmp_path / "bundle")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_damaged_file_is_found_while_it_is_copied(source: Source, tmp_path: Path, name: str) -> None:
    blob = source.blob("org/two", name)
    right = blob.read_bytes()
    blob.write_bytes(right[:-1] + b"?")
    done = source.create(tmp_path / "bundle", code=3)
    assert f"{name} is damaged: its hash is" in done.stdout
    assert not (tmp_path / "bundle" / "bundle.json").exists()
    blob.write_bytes(right)
    source.create(tmp_path / "bundle")
    assert faults(tmp_path / "bundle") == []


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_one_broken_model_of_many(tmp_path: Path, name: str) -> None:
    """It is left out of everything, so that the other host can start what came."""
    source = Source(tmp_path / "project", {f"org/m{number}": small(f"m{number:02d}") for number in range(30)})
    source.blob("org/m7", name).write_bytes(b"\0" * len(small("m07")[name]))
    assert "1 model cannot be carried, so no bundle was made" in source.create(tmp_path / "bundle", code=3).stderr
    done = source.create(tmp_path / "bundle", "--keep-going")
    assert "m7 is left out: " in done.stderr
    made = manifest(tmp_path / "bundle")
    assert made["left_out"].keys() == {"m7"}
    assert "m7" not in {model for snapshot in made["hub"]["snapshots"] for model in snapshot["models"]}
    assert len(made["hub"]["snapshots"]) == 29
    assert faults(tmp_path / "bundle") == []
    files = {file["path"]: (tmp_path / "bundle" / "blobs" / file["sha256"]).read_bytes() for file in made["files"]}
    built = build(files["models.toml"].decode(), files["models.lock"].decode())
    carried = {path: data for path, data in files.items() if path.startswith("build/")}
    written = {f"build/{path}": text.encode() for path, text in built.items()}
    assert {path: carried[path] for path in carried if not path.endswith("-record.json")} == written


def test_no_model_is_left(tmp_path: Path) -> None:
    source = Source(tmp_path / "project", {"org/one": SMALL})
    source.blob("org/one", "config.json").unlink()
    assert "no model is left" in refused(source, tmp_path / "bundle", "--keep-going")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../outside.jinja", "../outside.jinja is outside the folder of models.toml"),
        ("./missing.jinja", "missing.jinja does not exist; create it"),
        ("./.env", ".env may hold passwords"),
        ("./link.jinja", "link.jinja is a link that leads out"),
        ("./pipe", "pipe is not a file"),
    ],
)
def test_a_file_that_cannot_be_carried(tmp_path: Path, path: str, said: str) -> None:
    folder = tmp_path / "project"
    source = Source(folder, {"org/one": SMALL, "org/two": SMALL}, keys={"two": TEMPLATE.format(path)})
    (tmp_path / "outside.jinja").write_text("x")
    (folder / ".env").write_text("TOKEN=1")
    (folder / "link.jinja").symlink_to("../outside.jinja")
    os.mkfifo(folder / "pipe")
    assert f"error: two: {said}" in refused(source, tmp_path / "bundle", code=3)
    source.create(tmp_path / "bundle", "--keep-going")
    assert manifest(tmp_path / "bundle")["left_out"].keys() == {"two"}


def test_volumes_that_are_too_small(source: Source, tmp_path: Path) -> None:
    said = refused(source, tmp_path / "bundle", "--split", "200KB")
    least = said.partition("--split ")[2].partition("`")[0]
    source.create(tmp_path / "bundle", "--split", least)


def test_a_full_drive_before_a_byte_is_written(source: Source, tmp_path: Path) -> None:
    full = "import shutil; shutil.disk_usage = lambda path: type('Usage', (), {'free': 1000})"
    done = source.run("bundle", "create", tmp_path / "bundle", *WITHOUT, before=full)
    assert (done.returncode, "has 1,000 bytes free, and the bundle needs" in done.stderr) == (3, True)
    assert not (tmp_path / "bundle").exists()


def test_a_drive_that_gets_full(source: Source, tmp_path: Path) -> None:
    full = (
        "import modelgen.bundle.blobs as blobs; written = []; write = blobs._write\n"
        "def fill(target, block):\n"
        "    written.append(len(block))\n"
        "    if sum(written) > 250_000: raise OSError(28, 'No space left on device', target.name)\n"
        "    write(target, block)\n"
        "blobs._write = fill"
    )
    done = source.run("bundle", "create", tmp_path / "bundle", *WITHOUT, before=full)
    assert (done.returncode, "no space left on device; what was written is kept" in done.stderr) == (3, True)
    source.create(tmp_path / "bundle")
    assert faults(tmp_path / "bundle") == []


def test_keys_and_overrides_stay(tmp_path: Path) -> None:
    more = '[orchestrator]\nlisten = "0.0.0.0:8080"\nkeys_file = "./keys/api.keys"\n'
    keys = {"one": 'compose.volumes = ["./data:/data:ro", "/srv/shared:/shared"]'}
    source = Source(tmp_path / "project", {"org/one": SMALL}, more, keys)
    for path in ("keys/api.keys", "data/x.txt", "data/.env", "build/docker-compose.override.yml"):
        (source.folder / path).parent.mkdir(exist_ok=True)
        (source.folder / path).write_text("{}")
    said = source.create(tmp_path / "bundle").stderr
    paths = {file["path"] for file in manifest(tmp_path / "bundle")["files"]}
    assert "data/x.txt" in paths
    assert not paths & {"keys/api.keys", "data/.env", "build/docker-compose.override.yml"}
    for note in ("--with-override", "/srv/shared, which `compose.volumes` mounts, is not carried", "data/.env"):
        assert note in said
    assert "./keys/api.keys, the hashes of the API keys" in (tmp_path / "bundle" / "README.txt").read_text()
    source.create(tmp_path / "bundle", "--with-override")
    assert "build/docker-compose.override.yml" in {file["path"] for file in manifest(tmp_path / "bundle")["files"]}
