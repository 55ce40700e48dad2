"""`modelgen doctor` on hosts whose programs print what public threads show (tests/hosts, each with its source)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from compiling import complete
from doctoring import HOSTS, PROJECT, QUERY, FakeHost
from modelgen.operate.doctor import describe
from modelgen.operate.doctor.card_table import fill_cards

if TYPE_CHECKING:
    from pathlib import Path

MODEL = '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }\n'
FREE = "[orchestrator]\nenabled = false\n"
WSL2 = '[host]\nplatform = "wsl2"\n'


def with_card(lines: str, more: str = "") -> str:
    return complete(f"{more}[gpus.gpu0]\n{lines}\n{MODEL}{FREE}")


CARD = with_card('memory = "20GiB"\ndevice = "0"')
SHARED = with_card('memory = "20GiB"\ndevice = "0"\nlimit = 0.9')
CDI = with_card('memory = "20GiB"\ndevice = "nvidia.com/gpu=0"\nkind = "cdi"')
AMD = with_card('memory = "24GiB"\ndevice = "/dev/dri/renderD128"\nkind = "amd"')
ORIN = with_card('card = "Jetson AGX Orin 64GB"\ndevice = "0"')
ON_WSL2 = with_card('memory = "20GiB"\ndevice = "0"', WSL2)
LISTED = (
    'ps --no-trunc --format {{.ID}}\t{{.Names}}\t{{.Label "com.docker.compose.project"}}\t{{.Label "modelgen.model"}}'
)
CONFIG = "/nvidia-container-runtime/config.toml"

CASES: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("docker-snap", CARD, "docker", "bad", "Docker is the snap package", "sudo snap remove docker"),
    ("docker-snap", CARD, "toolkit", "unknown", "Docker is the snap package", "replace it by Docker Engine"),
    ("docker-desktop-on-linux", CARD, "toolkit", "bad", "no GPU outside Windows", "docker context use default"),
    ("docker-desktop-on-linux", AMD, "toolkit", "bad", "no GPU outside Windows", "docker context use default"),
    ("rootless", CARD, "toolkit", "bad", f"{CONFIG} lacks `no-cgroups = true`", "nvidia-container-cli.no-cgroups=true"),
    ("rootless-with-1.14.0", CARD, "toolkit", "warning", "Toolkit 1.14.0 ignores its config.toml", "apt-get install"),
    ("no-cgroups-with-root", CARD, "toolkit", "bad", "NVML: Unknown Error", "nvidia-container-cli.no-cgroups=false"),
    ("no-cgroups-with-root", CARD, "toolkit", "note", "1.14.3 lets a hostile image out", "apt-get install"),
    ("podman-socket", CARD, "docker", "warning", "Podman 5.1.2 answers at Docker's address", "install Docker Engine"),
    ("podman-socket", CARD, "toolkit", "bad", "Podman 5.1.2 gives containers of Compose no GPU", "Podman 5.4 or newer"),
    ("podman-socket-5.4", CARD, "toolkit", "bad", "gpu0 would be missing", '`[gpus.gpu0] kind = "cdi"`'),
    ("podman-command", CARD, "docker", "bad", "the command `docker` is Podman's", "remove podman-docker"),
    (
        "toolkit-in-cdi-mode",
        CARD,
        "toolkit",
        "bad",
        'config.toml has `mode = "cdi"`',
        "nvidia-container-runtime.mode=auto",
    ),
    (
        "toolkit-1.17.0",
        CARD,
        "toolkit",
        "warning",
        "unsupported IMEX channel value",
        "install nvidia-container-toolkit",
    ),
    ("toolkit-1.7", CARD, "toolkit", "bad", "1.7.0 does not support cgroup v2", "install nvidia-container-toolkit"),
    (
        "cdi-of-an-old-driver",
        CDI,
        "toolkit",
        "bad",
        "is for driver 535.161.07, but 535.171.04 runs",
        "cdi generate --output=",
    ),
    ("cdi-twice", CDI, "toolkit", "bad", "both describe nvidia.com/gpu=0", "remove one of them"),
    ("jetson-agx-orin", CARD, "toolkit", "bad", "only by the runtime `nvidia`", 'card = "Jetson AGX Orin 64GB"'),
    (
        "jetson-without-nvidia-smi",
        ORIN,
        "toolkit",
        "bad",
        "Docker has no runtime `nvidia`",
        "nvidia-ctk runtime configure",
    ),
    ("wsl2-blocked", ON_WSL2, "nvidia", "bad", "Windows blocks the GPU for WSL2", "wsl --update"),
    ("wsl2-without-driver", ON_WSL2, "nvidia", "bad", "couldn't communicate with the NVIDIA driver", "wsl --update"),
    ("rocm-without-rights", AMD, "amd", "note", "this user cannot open /dev/kfd", "usermod -aG render,video"),
    (
        "mig-enabled",
        CARD,
        "nvidia",
        "bad",
        "divided into 2 MIG devices",
        'device = "MIG-0929581a-2be6-5dec-bf34-0954c6c529a6"',
    ),
    ("mig-without-devices", CARD, "nvidia", "bad", "in MIG mode without MIG devices", "sudo nvidia-smi -mig 0"),
    ("mps-exclusive", CARD, "nvidia", "bad", "compute mode Exclusive_Process", "nvidia-smi -i 0 -c DEFAULT"),
    (
        "full-card",
        CARD,
        "cards",
        "warning",
        "17.1 of 24.0 GiB are used by ollama (pid 48824)",
        "[gpus.gpu0] limit = 0.28",
    ),
    ("full-card-wsl2", ON_WSL2, "cards", "warning", "8.9 of 24.0 GiB are used by a process (pid 812)", "limit = 0.61"),
    ("slow-and-not-persistent", CARD, "nvidia", "note", "persistence mode is off for GPU 0", "nvidia-persistenced"),
    ("slow-and-not-persistent", CARD, "nvidia", "note", "runs at lower clocks: it is too hot", "nvidia-smi -q -d"),
)


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[2]}")
def test_an_installation_is_recognized_with_a_way_out(fake: FakeHost, case: tuple[str, ...]) -> None:
    name, toml, subject, state, text, help_ = case
    fake.be(name)
    found = [item for item in fake.examine(toml) if (item.subject, item.state) == (subject, state)]
    assert [help_ in item.help for item in found if text in item.message] == [True], fake.wrong(toml)


@pytest.mark.parametrize("name", ["rootless", "rootless-with-1.14.0"])
@pytest.mark.parametrize("toml", [CARD, CDI])
def test_a_docker_without_root_has_its_own_settings_and_service(fake: FakeHost, name: str, toml: str) -> None:
    fake.be(name)
    without = json.loads((HOSTS / name / "docker-info.json").read_text()) | {"Runtimes": {}, "CDISpecDirs": None}
    fake.docker(info=without)
    helps = [item.help for item in fake.examine(toml) if item.subject == "toolkit"]
    assert not [text for text in helps if "/etc/docker" in text or "sudo systemctl" in text]
    assert any(
        "$HOME/.config/docker/daemon.json" in text and "systemctl --user restart docker" in text for text in helps
    )


@pytest.mark.parametrize("answer", [(1, "Cannot connect to the Docker daemon"), None])
def test_a_docker_without_root_that_does_not_answer(fake: FakeHost, answer: tuple[int, str] | None) -> None:
    fake.environment |= {"DOCKER_HOST": "unix:///run/user/1000/docker.sock", "XDG_RUNTIME_DIR": "/run/user/1000"}
    if answer is None:
        fake.script("docker", "#!/bin/sh\nexec /bin/sleep 600\n")
    else:
        fake.docker(answer)
    found = next(item for item in fake.examine(patience=0.5) if (item.subject, item.state) == ("docker", "bad"))
    assert f"systemctl --user {'start' if answer else 'restart'} docker" in found.help
    assert "sudo" not in found.help


def test_no_commands_for_the_snap_that_it_does_not_read(fake: FakeHost) -> None:
    fake.be("docker-snap")
    assert not [item for item in fake.examine(CARD) if "nvidia-ctk" in item.help or "systemctl" in item.help]


def test_every_host_is_tested_and_has_a_source() -> None:
    names = {path.name for path in HOSTS.iterdir()}
    assert names == {case[0] for case in CASES}
    assert all("#" in (HOSTS / name / "SOURCE").read_text() for name in names)


@pytest.mark.parametrize("name", ["jetson-agx-orin", "jetson-without-nvidia-smi"])
def test_a_jetson_gets_no_advice_for_other_drivers(fake: FakeHost, name: str) -> None:
    fake.lose("nvidia-smi")
    fake.be(name)
    found = fake.examine(ORIN)
    assert "Jetson Linux R3" in next(item.message for item in found if item.subject == "nvidia").replace("x 3", "x R3")
    told = json.dumps([vars(item) for item in found])
    assert not [word for word in ("tesla", "dmesg", "persistenced", "`nvidia-smi` is missing") if word in told.lower()]


def test_a_jetson_with_the_runtime_is_good(fake: FakeHost) -> None:
    fake.be("jetson-agx-orin")
    assert {item[1] for item in fake.wrong(ORIN) if item[0] in ("nvidia", "toolkit", "cards")} == set()


def test_another_jetson_than_the_written_one_is_found(fake: FakeHost) -> None:
    fake.be("jetson-agx-orin")
    found = json.dumps(fake.wrong(ORIN.replace("AGX Orin 64GB", "Orin NX 16GB")))
    assert "gpu0 is NVIDIA Jetson AGX Orin, but models.toml has" in found


@pytest.mark.parametrize(
    ("row", "written", "level", "offered"),
    [
        ("NVIDIA GB10, [N/A]", 'card = "GB10"', "good", ""),
        ("NVIDIA GB10, [N/A]", 'memory = "100GiB"', "unknown", 'card = "GB10"'),
        ("NVIDIA GeForce RTX 3090, ERR!", 'card = "RTX 3090"', "unknown", "needs a reboot"),
    ],
)
def test_memory_that_is_not_reported(fake: FakeHost, row: str, written: str, level: str, offered: str) -> None:
    fake.cards(f"0, GPU-1111, {row}, 580.95.05")
    found = fake.examine(with_card(f'{written}\ndevice = "0"'))
    [item] = [one for one in found if one.subject == "nvidia" and one.message.startswith("gpu0 is NVIDIA")]
    assert (item.state, offered in item.help) == (level, True)


def test_a_lost_gpu_needs_a_reboot(fake: FakeHost) -> None:
    lost = "Unable to determine the device handle for GPU0000:01:00.0: GPU is lost.  Reboot the system to recover"
    fake.program("nvidia-smi", {QUERY: (15, lost)})
    assert any(help_.startswith("reboot") for *_, help_ in fake.wrong(CARD))


def test_the_facts_of_a_jetson_are_written(fake: FakeHost) -> None:
    fake.be("jetson-agx-orin")
    fake.file("/proc/meminfo", "MemTotal:       64349184 kB\n")
    filled = fill_cards(CARD.replace('memory = "20GiB"\n', "").encode(), fake.host(), "models.toml")
    assert filled.changes == ('[gpus.gpu0] card = "Jetson AGX Orin 64GB"',)
    fake.file("/proc/device-tree/model", "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0")
    fake.file("/proc/meminfo", "MemTotal:        7802020 kB\n")
    filled = fill_cards(CARD.replace('memory = "20GiB"\n', "").encode(), fake.host(), "models.toml")
    assert filled.changes == ('[gpus.gpu0] card = "Jetson Orin Nano 8GB"',)
    assert describe(fake.host())["driver"] is None


def test_an_image_for_another_release_of_jetson_linux_is_a_warning(fake: FakeHost) -> None:
    fake.be("jetson-agx-orin")
    image = 'image = "ghcr.io/nvidia-ai-iot/vllm:r35.4-tegra-aarch64"\nversion = "0.19.0"'
    toml = ORIN.replace("[engines.vllm]", f"[engines.vllm]\n{image}\n[engines.tei]", 1)
    assert "is for Jetson Linux 35, but this is Jetson Linux 36.4" in json.dumps(fake.wrong(toml))


def test_wsl2_has_no_dmesg_to_look_at(fake: FakeHost) -> None:
    for name in ("wsl2-blocked", "wsl2-without-driver"):
        fake.be(name)
        assert not [item for item in fake.wrong(ON_WSL2) if "dmesg" in item[3]]
    fake.lose("nvidia-smi")
    [text] = [item[3] for item in fake.wrong(ON_WSL2) if item[0] == "nvidia"]
    assert "none in WSL2" in text


def test_reservations_work_in_cdi_mode_if_the_runtime_is_the_default(fake: FakeHost) -> None:
    fake.be("toolkit-in-cdi-mode")
    fake.docker(info={"DefaultRuntime": "nvidia"})
    assert [item for item in fake.wrong(CARD) if item[1] == "bad"] == []


def test_podman_is_known_by_its_socket(fake: FakeHost) -> None:
    fake.docker("5.1.2", endpoint="unix:///run/user/1000/podman/podman.sock")
    assert "Podman 5.1.2 gives containers of Compose no GPU" in json.dumps(fake.wrong(CARD))


def test_podman_gives_gpus_of_cdi(fake: FakeHost) -> None:
    fake.be("podman-socket-5.4")
    assert "would be missing" not in json.dumps(fake.wrong(CDI))


def test_a_spec_of_the_later_folder_counts(fake: FakeHost) -> None:
    fake.be("cdi-of-an-old-driver")
    old = fake.root / "etc/cdi/nvidia.yaml"
    fake.file("/var/run/cdi/nvidia.yaml", old.read_text().replace("535.161.07", "535.171.04"))
    assert [item for item in fake.wrong(CDI) if item[0] == "toolkit" and item[1] == "bad"] == []


def test_a_mig_device_of_a_divided_card_is_good(fake: FakeHost) -> None:
    fake.be("mig-enabled")
    toml = CARD.replace('device = "0"', 'device = "MIG-0929581a-2be6-5dec-bf34-0954c6c529a6"')
    assert [item for item in fake.wrong(toml) if item[:2] == ("nvidia", "bad")] == []


def test_the_container_that_fills_a_card_is_named_and_our_own_is_no_finding(fake: FakeHost) -> None:
    fake.be("full-card")
    fake.docker(more={LISTED: f"{'ab' * 32}\tfrigate\tnvr\t"})
    [text] = [item[2] for item in fake.wrong(SHARED) if item[0] == "cards"]
    assert text.endswith("frigate.embeddings_manager in the container frigate (pid 56674)")
    fake.file("/proc/48824/cgroup", f"0::/system.slice/docker-{'cd' * 32}.scope\n")
    fake.docker(more={LISTED: f"{'ab' * 32}\tfrigate\tnvr\t\n{'cd' * 32}\tdemo-vllm-qwen\tdemo\tqwen"})
    assert [item for item in fake.wrong(SHARED) if item[0] == "cards"] == []


def test_models_that_run_in_wsl2_are_no_strangers(fake: FakeHost) -> None:
    fake.be("full-card-wsl2")
    wsl = {"KernelVersion": "6.6.87.2-microsoft-standard-WSL2"}
    fake.docker(info=wsl, more={LISTED: f"{'cd' * 32}\tdemo-vllm-qwen\tdemo\tqwen"})
    assert [item for item in fake.wrong(ON_WSL2) if item[0] == "cards"] == []
    fake.docker(info=wsl, more={LISTED: f"{'cd' * 32}\tdemo-orchestrator\tdemo\t"})
    assert [item[1] for item in fake.wrong(ON_WSL2) if item[0] == "cards"] == ["warning"]
    fake.file("/proc/700/cmdline", "python3\0-m\0modelgen_runtime\0manifest.json\0")
    assert [item for item in fake.wrong(ON_WSL2) if item[0] == "cards"] == []


def test_engines_of_serve_are_no_strangers(fake: FakeHost) -> None:
    fake.be("full-card")
    fake.file("/proc/48824/status", "Name:\tpython\nPPid:\t700\n")
    fake.file("/proc/700/cmdline", "python3\0-m\0modelgen_runtime\0manifest.json\0")
    assert [item for item in fake.wrong(SHARED) if item[0] == "cards"] == []


def test_a_device_file_that_everyone_may_open_is_no_warning(fake: FakeHost) -> None:
    fake.be("rocm-without-rights")
    (fake.bin / "rocminfo").unlink()
    for name in ("kfd", "dri/renderD128"):
        (fake.root / "dev" / name).chmod(0o666)
    assert [item for item in fake.wrong(AMD) if item[0] == "amd"] == []


@pytest.mark.parametrize(
    ("written", "memory", "help_"),
    [
        ('card = "RX 7900 XTX"', 16, '`[gpus.gpu0] card = "RX 6800"`'),
        ('memory = "24GiB"', 16, '`[gpus.gpu0] memory = "15.9GiB"`'),
        ('card = "RX 6800"', 16, None),
        ('card = "RX 7900 XTX"', None, '`[gpus.gpu0] card = "RX 6800"`'),
    ],
)
def test_a_card_of_amd_is_compared(fake: FakeHost, written: str, memory: int | None, help_: str | None) -> None:
    fake.be("rocm-without-rights")
    total = {"VRAM Total Memory (B)": str((memory << 30) - (16 << 20))} if memory else {}
    card = {"Card Series": "AMD Radeon RX 6800", "PCI Bus": "0000:03:00.0", **total}
    query = "--showproductname --showmeminfo vram --showbus --json"
    fake.program("rocm-smi", {query: json.dumps({"card0": card})})
    fake.file("/sys/bus/pci/devices/0000:03:00.0/drm/renderD128/dev", "")
    toml = with_card(f'{written}\ndevice = "/dev/dri/renderD128"\nkind = "amd"')
    found = [item[3] for item in fake.wrong(toml) if item[0] == "amd" and "Radeon" in item[2]]
    assert found == ([help_] if help_ else [])


def test_wsl1_cannot_run_docker(fake: FakeHost) -> None:
    fake.lose("docker")
    fake.file("/proc/version", "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc version 5.4.0)")
    [found] = [item for item in fake.wrong(CARD) if item[0] == "host"]
    assert found[1:3] == ("bad", "this is WSL1, which has neither Docker Engine nor GPUs")
    assert "wsl --set-version NAME 2" in found[3]


def test_rights_on_a_device_file_matter_to_models_without_an_image(fake: FakeHost) -> None:
    fake.be("rocm-without-rights")
    on_host = re.sub(r"^image = .*\n", "", AMD, flags=re.MULTILINE)
    assert [item[1] for item in fake.wrong(on_host) if "this user cannot open /dev/kfd" in item[2]] == ["warning"]


def test_rootless_docker_cannot_pass_on_the_groups_of_amd(fake: FakeHost) -> None:
    fake.be("rocm-without-rights")
    fake.docker(info={"SecurityOptions": ["name=rootless"]})
    assert "cannot pass the groups of /dev/kfd on" in json.dumps(fake.wrong(AMD))


@pytest.mark.parametrize("program", ["nvidia-smi", "nvidia-ctk", "rocminfo", "docker"])
def test_programs_that_hang_hold_up_nothing(fake: FakeHost, program: str) -> None:
    fake.be("rocm-without-rights")
    fake.script(program, "#!/bin/sh\nexec /bin/sleep 600\n")
    for toml in (CARD, AMD):
        assert fake.examine(toml, patience=0.5)


@pytest.mark.parametrize(
    "said",
    ["", "0", "0, GPU-1", ",,,,,,,,", "[N/A]", "0, GPU-1, [N/A], [N/A], [N/A]", "\x00\xff", "0, 0x", "GPU-1, -5"],
)
def test_strange_answers_of_the_driver_do_no_harm(fake: FakeHost, said: str) -> None:
    for name in ("nvidia-ctk", "rocminfo"):
        fake.script(name, f"#!/bin/sh\nprintf '%s\\n' '{said}'\n".replace("\x00", ""))
    known = f'case "$*" in *driver_version*) echo "{"0, GPU-1, NVIDIA L4, 23034, 570.195.03"}"; exit;; esac'
    fake.script("nvidia-smi", f"#!/bin/sh\n{known}\nprintf '%s\\n' '{said}'\n".replace("\x00", ""))
    fake.file(f"/etc{CONFIG}", said)
    assert {item.subject for item in fake.examine(PROJECT)} >= {"nvidia", "toolkit"}
