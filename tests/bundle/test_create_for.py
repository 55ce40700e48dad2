"""Bundles for one host: its facts, what it cannot hold, what it has already, and a signature."""

from __future__ import annotations

import json
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from bundling import SMALL, Source, manifest
from compiling import modelgen
from modelgen_importer import load, verify

if TYPE_CHECKING:
    from pathlib import Path

CARD = '[gpus.gpu0]\ncard = "NVIDIA GeForce RTX 3090"\nmemory = "24576MiB"\ndevice = "0"\ncapability = "8.6"\n'
HOST = '[host]\nplatform = "linux"\narch = "amd64"\ndriver = "570.195.03"\ndocker = "28.3.2"\nselinux = true\n'
TWINS = {"config.json": b"{}", "Readme.json": b"[]", "README.json": b"{}"}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "project", {"org/one": SMALL}, keys={"one": 'gpus = ["gpu0"]'})


def host_file(source: Source, facts: str = "", *, host: str = HOST, card: str = CARD) -> Path:
    path = source.folder / "host.toml"
    path.write_text(f"{host}{card}[destination]\nformat = 1\n{facts}")
    return path


def test_the_project_is_carried_as_that_host_needs_it(source: Source, tmp_path: Path) -> None:
    source.create(tmp_path / "bundle", "--for", host_file(source))
    there = tmp_path / "there"
    assert load.main(["--into", str(there), str(tmp_path / "bundle")]) == 0
    tables = tomllib.loads((there / "models.toml").read_text())
    assert (tables["host"]["selinux"], tables["gpus"]["gpu0"]["card"]) == (True, "RTX 3090")
    assert "label=disable" in (there / "build" / "docker-compose.yml").read_text()
    assert modelgen("build", "--check", cwd=there).returncode == 0
    assert "selinux" not in (source.folder / "models.toml").read_text()


@pytest.mark.parametrize(
    ("facts", "host", "card", "said"),
    [
        ("", HOST.replace("570.195.03", "470.82"), CARD, "driver-too-old"),
        ("", HOST, "", "models.toml:11: `[gpus.gpu0]` needs a GPU, and host.toml lists none"),
        ("free_hub = 1000", HOST, CARD, "host.toml has 1,000 bytes free for weights, which need 140,0"),
        ("largest_file = 1000", HOST, CARD, "org/one/model.safetensors has 140,000 bytes, and a file in the hub's"),
        ("longest_name = 8", HOST, CARD, "a name has 11 bytes, and at most 8 fit there"),
        ('system = "win32"\nlongest_path = 60', HOST, CARD, "and at most 60 fit there; enable long paths"),
    ],
    ids=range(6),
)  # fmt: skip
def test_what_cannot_run_there_is_refused_before_a_byte_is_written(
    source: Source, facts: str, host: str, card: str, said: str
) -> None:
    folder = source.folder.with_name("bundle")
    done = source.create(folder, "--for", host_file(source, facts, host=host, card=card).name, code=1)
    assert said in done.stderr
    assert not folder.exists() or not [*folder.rglob("*.json")]


def test_names_that_are_one_name_there_are_refused(tmp_path: Path) -> None:
    source = Source(tmp_path / "project", {"org/one": {**SMALL, **TWINS}})
    done = source.create(tmp_path / "bundle", "--for", host_file(source, "ignores_case = true"), code=1)
    assert "'Readme.json' and 'README.json' are the same name there; rename it, or leave it out" in done.stderr


def test_disks_that_places_share_are_counted_once(source: Source, tmp_path: Path) -> None:
    source.repos["org/one"]["model.safetensors"] = b"x" * 900_000
    source.write()
    facts = "disk_hub = 0\ndisk_project = 0\nfree_hub = 1000000\nfree_project = 1000000\n"
    done = source.create(tmp_path / "bundle", "--for", host_file(source, facts), code=1)
    assert "free for files of the project and weights, which need" in done.stderr
    source.create(tmp_path / "bundle", "--for", host_file(source, facts.replace("disk_hub = 0", "disk_hub = 1")))


def test_what_a_host_file_lists_is_not_carried(source: Source, tmp_path: Path) -> None:
    blobs = [source.blob("org/one", path).name for path in SMALL]
    facts = f"blobs = {json.dumps(blobs)}"
    source.create(tmp_path / "all")
    source.create(
        tmp_path / "update", "--have", host_file(source, facts), "--for", host_file(source, facts + "\nfree_hub = 0")
    )
    assert {len(name) for name in blobs} == {40, 64}
    files = {file["sha256"] for file in manifest(tmp_path / "all")["hub"]["snapshots"][0]["files"]}
    assert set(manifest(tmp_path / "update")["expected"]) == files


def test_a_signed_bundle_is_by_its_signer(source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"me@example.org {key.with_suffix('.pub').read_text()}")
    source.create(tmp_path / "bundle", "--sign", key, "--split", "4MB")
    options = ["--signers", str(signers), str(tmp_path / "bundle")]
    assert verify.main(options) == 0
    assert "signed by me@example.org" in capsys.readouterr().out
    source.create(tmp_path / "bundle", "--split", "4MB")
    assert verify.main(options) == 1


def test_a_missing_key_is_refused_before_a_byte_is_written(source: Source, tmp_path: Path) -> None:
    done = source.create(tmp_path / "bundle", "--sign", tmp_path / "none", code=1)
    assert "there is no key" in done.stderr
    assert not (tmp_path / "bundle").exists()
