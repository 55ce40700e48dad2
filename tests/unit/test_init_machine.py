"""`modelgen init` writes what the machine has; the file builds without a finding on each of them."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from compiling import findings, modelgen
from doctoring import FakeHost
from modelgen.cli.configuration.init import STARTER
from modelgen.cli.configuration.machine import look_at, newest_image, with_machine
from modelgen.engines import ENGINES

if TYPE_CHECKING:
    from pathlib import Path

ROCM = "--showproductname --showmeminfo vram --showbus --json"


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def init(fake: FakeHost, *args: str) -> tuple[dict[str, Any], str, str]:
    """Return the tables of the file, its text, and what was said; it builds without a finding."""
    folder = fake.folder / "project"
    folder.mkdir()
    env = {**fake.environment, "HF_HUB_CACHE": str(fake.folder / "none")}
    done = modelgen("init", *args, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    text = (folder / "models.toml").read_text()
    assert findings(text) == []
    return tomllib.loads(text), text, done.stderr


def test_one_card_and_its_driver(fake: FakeHost) -> None:
    written, text, said = init(fake)
    assert written["gpus"] == {"gpu0": {"card": "RTX 4090", "device": "0"}}
    assert "[gpus.gpu0] # NVIDIA GeForce RTX 4090\n" in text
    assert written["host"] == {"driver": "570.195.03"}
    assert written["engines"]["vllm"]["image"] == "vllm/vllm-openai:v0.11.0"
    assert "# the newest that driver 570.195.03 runs" in text
    assert "found NVIDIA GeForce RTX 4090 (24 GiB, driver 570.195.03)\n" in said
    assert "# limit = 0.95" in text


@pytest.mark.parametrize(
    ("driver", "image"),
    [
        ("550.54.15", "v0.8."),
        ("570.195.03", "v0.11.0"),
        ("575.57.08", "-cu129"),
        ("580.65.06", "v0."),
    ],
)
def test_the_newest_image_that_the_driver_runs(fake: FakeHost, driver: str, image: str) -> None:
    fake.cards(f"0, GPU-1, NVIDIA H100 80GB HBM3, 81559, {driver}")
    written, text, _ = init(fake)
    assert written["gpus"]["gpu0"]["card"] == "H100 80GB"
    assert image in written["engines"]["vllm"]["image"]
    assert f"# the newest that driver {driver} runs" in text


def test_a_driver_that_is_too_old_for_all(fake: FakeHost) -> None:
    fake.cards("0, GPU-1, Tesla T4, 15360, 535.261.03")
    text = with_machine(STARTER.read_text(), look_at(fake.host()))
    assert "# an example: no known release runs on driver 535.261.03; update it" in text
    assert [found.code for found in findings(text)] == ["MG311"], "it asks for another driver"


def test_cards_of_different_memory_are_named_by_uuid(fake: FakeHost) -> None:
    fake.cards(
        "0, GPU-1111, GeForce RTX 3090, 24576, 580.65.06",
        "1, GPU-2222, GeForce RTX 3060, 12288, 580.65.06",
    )
    written, text, _ = init(fake)
    assert written["gpus"] == {
        "gpu0": {"card": "RTX 3090", "device": "GPU-1111"},
        "gpu1": {"card": "RTX 3060 12GB", "device": "GPU-2222"},
    }
    assert text.count("# limit") == 1


@pytest.mark.parametrize(
    ("row", "table", "fits"),
    [
        ("NVIDIA L4, 23034", {"card": "L4"}, True),
        ("Tesla T4, 15360", {"card": "T4"}, True),
        ("NVIDIA GeForce RTX 3070, 8192", {"card": "RTX 3070"}, False),
        ("NVIDIA A100-SXM4-80GB, 20096", {"card": "A100 80GB", "memory": "19.6GiB"}, True),
        ("GRID A100-10C, 10240", {"memory": "10GiB"}, False),
        ("NVIDIA RTX 9999, 65536", {"memory": "64GiB"}, True),
    ],
)
def test_the_card_and_what_fits_it(fake: FakeHost, row: str, table: dict[str, str], fits: bool) -> None:  # noqa: FBT001
    fake.cards(f"0, GPU-1, {row}, 580.65.06")
    written, _, _ = init(fake)
    assert written["gpus"]["gpu0"] == {**table, "device": "0"}
    assert ("gpu_memory" in written["models"]["text-4b"]) == fits


def test_a_card_that_reports_no_memory(fake: FakeHost) -> None:
    fake.cards("0, GPU-1, NVIDIA GB10, [N/A], 580.95.05")
    written, _, said = init(fake)
    assert written["gpus"]["gpu0"] == {"card": "GB10", "device": "0"}
    assert "NVIDIA GB10 (memory not reported, driver 580.95.05)" in said


def test_an_unknown_card_gets_its_capability(fake: FakeHost) -> None:
    fake.cards("0, GPU-1, NVIDIA RTX 9999, 24576, 580.65.06", capabilities="GPU-1, 8.9")
    assert init(fake)[0]["gpus"]["gpu0"] == {"memory": "24GiB", "device": "0", "capability": "8.9"}


def test_an_unknown_card_that_reports_no_memory(fake: FakeHost) -> None:
    fake.cards("0, GPU-1, NVIDIA GB99, [N/A], 580.95.05")
    _, text, _ = init(fake)
    assert 'memory = "24GiB" # an example: the driver does not report it' in text


@pytest.mark.parametrize("answer", [None, (9, "NVIDIA-SMI has failed"), "garbage", ""])
def test_without_a_card_the_file_is_an_example_that_says_so(fake: FakeHost, answer: Any) -> None:  # noqa: ANN401
    fake.lose("nvidia-smi")
    if answer is not None:
        fake.program("nvidia-smi", {"*": answer})
    _, text, said = init(fake)
    assert "# No GPU was found on this machine: the GPU and the image below are examples.\n[gpus.gpu0]" in text
    assert said.startswith("wrote models.toml")


def test_a_program_that_hangs_is_not_waited_for(fake: FakeHost) -> None:
    fake.script("nvidia-smi", "#!/bin/sh\nexec sleep 600\n")
    assert look_at(fake.host(patience=0.2)).cards == ()


def test_names_that_would_break_the_file(fake: FakeHost) -> None:
    fake.script("nvidia-smi", "#!/bin/sh\nprintf '0, GPU-1, a\\033[31m\\rb, 24576, 580.65.06\\n'\n")
    _, text, _ = init(fake)
    assert "\x1b" not in text


def amd(fake: FakeHost, *names: str) -> None:
    fake.lose("nvidia-smi")
    fake.file("/dev/kfd", "").chmod(0o660)
    cards = {}
    for number, name in enumerate(names):
        bus = f"0000:0{number + 3}:00.0"
        node = fake.file(f"/sys/bus/pci/devices/{bus}/drm/renderD{128 + number}/dev", "").parent.name
        fake.file(f"/sys/bus/pci/devices/{bus}/drm/card{number}/dev", "")
        fake.file(f"/dev/dri/{node}", "").chmod(0o660)
        cards[f"card{number}"] = {
            "VRAM Total Memory (B)": "25753026560",
            "VRAM Total Used Memory (B)": "27000832",
            "PCI Bus": bus.upper(),
            "Card Series": name,
            "Card Model": "0x744c",
        }
    warning = "WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status\n\n"
    fake.program("rocm-smi", {ROCM: warning + json.dumps({**cards, "system": {}})})


def test_cards_of_amd(fake: FakeHost) -> None:
    amd(fake, "Radeon RX 7900 XTX", "Radeon RX 7900 XTX")
    text = with_machine(STARTER.read_text(), look_at(fake.host()))
    assert findings(text) == []
    written = tomllib.loads(text)
    table = {"card": "RX 7900 XTX", "kind": "amd", "groups": [(fake.root / "dev/kfd").stat().st_gid]}
    assert written["gpus"] == {
        "gpu0": {**table, "device": "/dev/dri/renderD128"},
        "gpu1": {**table, "device": "/dev/dri/renderD129"},
    }
    assert written["engines"]["vllm"]["image"] == newest_image(ENGINES["vllm"], "amd", None, "amd64")
    assert "vllm-openai-rocm:v" in written["engines"]["vllm"]["image"]


def test_amd_without_device_files(fake: FakeHost) -> None:
    amd(fake)
    fake.program("rocm-smi", {ROCM: json.dumps({"card0": {"PCI Bus": "0000:09:00.0"}, "card1": 3, "card2": {}})})
    assert look_at(fake.host()).cards == ()


def test_a_hub_one_level_off_is_refused(fake: FakeHost) -> None:
    for given in ("..", "../models", "../models/hub/new"):
        done = modelgen("init", "--hub", given, cwd=fake.bin, env=fake.environment)
        assert done.returncode == 1, given
        assert "is not the hub directory: the models--… folders are in" in done.stderr
        assert "; pass --hub ../models/hub\n" in done.stderr.replace("../models/hub/new/..", "../models/hub")
        assert not (fake.bin / "models.toml").exists()
