"""`describe.py`, which prints a host as TOML."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from compiling import REPOSITORY, complete, modelgen
from doctoring import HOSTS, FakeHost
from modelgen.lower import DEFAULT_SOCKET
from modelgen.operate.doctor import describe as doctor_describe
from modelgen_importer import describe as importer

if TYPE_CHECKING:
    from pathlib import Path

TWO_CARDS = ("0, GPU-1111, NVIDIA GeForce RTX 4090, 24564, 570.195.03", "1, GPU-2222, NVIDIA GB10, [N/A], 570.195.03")
ROCM = {
    "card0": {
        "Card Series": "AMD Instinct MI300X OAM",
        "VRAM Total Memory (B)": "206141652992",
        "PCI Bus": "0000:05:00.0",
    }
}
ROCM_QUERY = "--showproductname --showmeminfo vram --showbus --json"
BABBLE = ("", "{", "[" * 100_000, '{"Server": 1, "MemTotal": "x", "Runtimes": 3}', "\\033[2J\\n,,,,\\n1,2,3,4,5")
CONTAINERD = [["driver-type", "io.containerd.snapshotter.v1"]]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    (tmp_path / "host").mkdir()
    found = FakeHost(tmp_path / "host")
    monkeypatch.setenv("PATH", str(found.bin))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(importer, "ROOT", found.root)
    return found


def described(fake: FakeHost, hub: str = "models/hub") -> dict[str, Any]:
    return tomllib.loads(importer.describe(fake.folder, fake.folder / hub))


@pytest.mark.parametrize("name", ["", *sorted(path.name for path in HOSTS.iterdir())])
def test_the_host_is_the_one_that_doctor_finds(fake: FakeHost, name: str) -> None:
    if name:
        fake.be(name)
    found = {key: value for key, value in doctor_describe(fake.host()).items() if value is not None}
    if found.get("docker_socket") == DEFAULT_SOCKET:
        del found["docker_socket"]
    assert described(fake)["host"] == found


def test_cards_of_nvidia(fake: FakeHost) -> None:
    fake.cards(*TWO_CARDS, capabilities="GPU-1111, 8.9\nGPU-2222, 12.1")
    found = described(fake)
    name = "NVIDIA GeForce RTX 4090"
    assert found["gpus"] == {
        "gpu0": {"card": name, "memory": "24564MiB", "device": "0", "capability": "8.9"},
        "gpu1": {"card": "NVIDIA GB10", "device": "1", "capability": "12.1"},
    }
    assert found["destination"]["uuids"] == ["GPU-1111", "GPU-2222"]


def test_cards_of_amd(fake: FakeHost) -> None:
    fake.lose("nvidia-smi")
    fake.program("rocm-smi", {ROCM_QUERY: "WARNING: low power\n" + json.dumps(ROCM)})
    fake.file("/sys/bus/pci/devices/0000:05:00.0/drm/renderD129/dev", "")
    card = {"card": "AMD Instinct MI300X OAM", "memory": "196592MiB", "device": "/dev/dri/renderD129", "kind": "amd"}
    assert described(fake)["gpus"] == {"gpu0": card}


def test_what_docker_stores_and_how_it_gives_gpus(fake: FakeHost) -> None:
    images = "\n".join(f"sha256:{digit * 64}" for digit in "bab")
    info = {"DriverStatus": CONTAINERD, "SecurityOptions": ["name=rootless"], "Runtimes": {}}
    fake.docker(info=info, more={"image ls --no-trunc --quiet": images})
    fake.program("nvidia-ctk", {"cdi list": "nvidia.com/gpu=all\nnvidia.com/gpu=0"})
    found = described(fake)["destination"]
    facts = {key: found[key] for key in ("image_store", "rootless", "userns_remap", "toolkit", "cdi", "compose")}
    assert facts == {
        "image_store": "containerd",
        "rootless": True,
        "userns_remap": False,
        "toolkit": "cdi",
        "cdi": ["nvidia.com/gpu=0", "nvidia.com/gpu=all"],
        "compose": "2.40.3",
    }
    assert found["images"] == [f"sha256:{digit * 64}" for digit in "ab"]


def test_contents_that_are_there_and_the_limits_of_their_disk(fake: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = fake.folder / "models/hub/models--a--b/blobs"
    for name in ("a" * 64, "b" * 40, f"{'c' * 64}.incomplete"):
        (blobs / name).write_bytes(b"")
    monkeypatch.setattr(importer, "_FOUR_GIB", 2**62)  # behind the largest file of any file system
    found = described(fake)["destination"]
    assert found["blobs"] == ["a" * 64, "b" * 40]
    assert found["largest_file"] == 2**62 - 1
    assert (found["links"], found["modes"], found["ignores_case"], found["longest_name"]) == (True, True, False, 255)
    assert found["disk_hub"] == found["disk_project"] == 0
    assert found["free_hub"] > 0
    assert not [*fake.folder.rglob(".modelgen-*")]


@pytest.mark.parametrize("said", BABBLE, ids=range(len(BABBLE)))
def test_programs_that_babble_do_no_harm(fake: FakeHost, said: str) -> None:
    for name in ("docker", "nvidia-smi", "rocm-smi", "getenforce", "nvidia-ctk"):
        fake.script(name, f"#!/bin/sh\nprintf '{said}'\n")
    assert "host" in described(fake)


def test_a_program_that_hangs_is_not_waited_for(fake: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "_SECONDS", 0.05)
    fake.script("docker", "#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setenv("PATH", f"{fake.bin}{os.pathsep}{os.environ['PATH']}{os.pathsep}/bin")
    assert "docker" not in described(fake)["host"]


def test_it_runs_alone_and_twice_alike_and_says_no_name_of_the_host(tmp_path: Path) -> None:
    script = REPOSITORY / "compiler/modelgen_importer/describe.py"
    command = [sys.executable, "-I", "-S", str(script), "--into", str(tmp_path / "not-there")]
    environment = {**os.environ, "HF_TOKEN": "hf_secret", "LOGNAME": "somebody"}
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout for _ in range(2)
    )
    lines = [[line for line in text.splitlines() if not line.startswith("free_")] for text in (first, second)]
    assert lines[0] == lines[1]
    assert tomllib.loads(first)["destination"]["format"] == 1
    assert not [word for word in ("hf_secret", "somebody", socket.gethostname()) if f'"{word}"' in first]


def test_doctor_prints_the_same_for_the_hub_of_models_toml(fake: FakeHost) -> None:
    blobs = fake.folder / "weights" / "models--a--b" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / ("d" * 64)).write_bytes(b"")
    toml = complete("").replace('hub = "', 'hub = "weights" # "')
    (fake.folder / "models.toml").write_text(toml)
    done = modelgen("doctor", "--describe", cwd=fake.folder, env=fake.environment)
    found = tomllib.loads(done.stdout)
    assert (done.returncode, found["destination"]["blobs"]) == (0, ["d" * 64])
    assert modelgen("doctor", "--describe", "--write", cwd=fake.folder, env=fake.environment).returncode == 2
