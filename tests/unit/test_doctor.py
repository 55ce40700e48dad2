"""`modelgen doctor`: a good host has nothing wrong; each thing that is bad is found and has a way out."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from compiling import complete, modelgen
from doctoring import CARD, PROJECT, FakeHost
from modelgen.cli.up.checks import first_cause
from modelgen.load import load
from modelgen.operate.doctor import Finding, Wanted, examine, find_override, takes_all_cards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Case = tuple[Callable[[FakeHost], None], str, str, str, str]

MODEL = '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }\n'
FREE = "[orchestrator]\nenabled = false\n"


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def with_host(line: str) -> str:
    return complete(f"[host]\n{line}\n{MODEL}{FREE}")


def with_card(lines: str) -> str:
    return complete(f"[gpus.gpu0]\n{lines}\n{MODEL}{FREE}")


def with_image(image: str) -> str:
    return complete(f'[engines.vllm]\nimage = "{image}"\n{MODEL}{FREE}')


def test_a_good_host_has_nothing_wrong(fake: FakeHost) -> None:
    port = socket.create_server(("127.0.0.1", 0))
    listen = f'[orchestrator]\nlisten = "127.0.0.1:{port.getsockname()[1]}"\n'
    port.close()
    found = fake.examine(complete(MODEL + listen))
    assert [item for item in found if item.state != "good"] == []
    subjects = {item.subject for item in found}
    assert subjects == {"host", "docker", "compose", "nvidia", "toolkit", "hub", "disk", "ports", "prune"}
    assert not any(item.help for item in found)


CARD_OF_SERVICE = {"deploy": {"resources": {"reservations": {"devices": [{"driver": "nvidia"}]}}}}


@pytest.mark.parametrize(
    ("answer", "subject"),
    [
        (json.dumps({"services": {"vllm-qwen": {"deploy": None}, "socket-proxy": {}}}), "cards"),
        (json.dumps({"services": {"vllm-qwen": {}, "vllm-b": CARD_OF_SERVICE}}), "nvidia"),
        (json.dumps({"services": {"vllm-qwen": {"devices": [{"source": "/dev/kfd"}]}}}), "nvidia"),
        ((1, "yaml: line 3: did not find expected key"), "nvidia"),
        ("no JSON", "nvidia"),
    ],
)
def test_cards_that_an_override_takes_back_are_not_looked_for(
    fake: FakeHost, answer: str | tuple[int, str], subject: str
) -> None:
    assert find_override(fake.folder) is None
    written = fake.folder / "docker-compose.override.yml"
    written.write_text("services: {}\n")
    override = find_override(fake.folder)
    assert override == written
    files = f"--project-directory {fake.folder} --file - --file {written}"
    fake.program("docker", {f"compose {files} --profile * config --format json": answer})
    taken = takes_all_cards(fake.host(), override, b"services: {}\n")
    document, _, _ = load(PROJECT.encode())
    found = examine(fake.host(), Wanted(document, is_without_cards=taken))
    assert [item.subject for item in found if item.subject in ("cards", "nvidia")][:1] == [subject]


def no_daemon(said: str) -> Callable[[FakeHost], None]:
    return lambda fake: fake.docker((1, said))


def smi_fails(said: str) -> Callable[[FakeHost], None]:
    def change(fake: FakeHost) -> None:
        fake.script("nvidia-smi", f"#!/bin/sh\necho '{said}'\nexit 9\n")

    return change


def info(**told: Any) -> Callable[[FakeHost], None]:  # noqa: ANN401 - whatever JSON holds
    return lambda fake: fake.docker(info=told)


def cards(*rows: str) -> Callable[[FakeHost], None]:
    return lambda fake: fake.cards(*rows)


def rootless(fake: FakeHost) -> None:
    fake.docker((1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."))
    fake.environment["XDG_RUNTIME_DIR"] = "/run/user/1000"
    fake.file("/run/user/1000/docker.sock", "")


def old_compose_only(fake: FakeHost) -> None:
    fake.docker(compose=(1, "docker: 'compose' is not a docker command."))
    fake.program("docker-compose", {})


def wsl2(fake: FakeHost) -> None:
    fake.docker(info={"KernelVersion": "5.15.153.1-microsoft-standard-WSL2"})


def wsl2_without_docker(fake: FakeHost) -> None:
    fake.lose("docker")
    fake.file("/proc/version", "Linux version 5.15.153.1-microsoft-standard-WSL2")


def no_hub(fake: FakeHost) -> None:
    (fake.folder / "models" / "hub").rename(fake.folder / "elsewhere")


def empty_hub(fake: FakeHost) -> None:
    no_hub(fake)
    (fake.folder / "models" / "hub").mkdir()


def close_file(fake: FakeHost) -> None:
    (fake.folder / "models/hub/models--a--b/blobs/0").chmod(0o600)


def close_on_exfat(fake: FakeHost) -> None:
    close_file(fake)
    fake.file("/proc/mounts", f"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 {fake.folder} exfat rw 0 0\n")


def close_folder(fake: FakeHost) -> None:
    (fake.folder / "models/hub/models--a--b").chmod(0o700)


CDI = with_card('memory = "24GiB"\ndevice = "nvidia.com/gpu=0"\nkind = "cdi"')
AMD = with_card('memory = "24GiB"\ndevice = "/dev/dri/renderD128"\nkind = "amd"')
BAD: dict[str, Case] = {
    "no docker": (
        lambda fake: fake.lose("docker"),
        PROJECT,
        "docker",
        "the command `docker` is not installed",
        "docs.docker.com",
    ),
    "no daemon": (
        no_daemon("Cannot connect to the Docker daemon. Is the docker daemon running?"),
        PROJECT,
        "docker",
        "Is the docker daemon running?",
        "sudo systemctl start docker",
    ),
    "no permission": (
        no_daemon("permission denied while trying to connect to the Docker daemon socket"),
        PROJECT,
        "docker",
        "permission denied on Docker's socket",
        "sudo usermod -aG docker $USER, then log in again",
    ),
    "rootless, not said": (rootless, PROJECT, "docker", "rootless", "export DOCKER_HOST=unix:///run/user/1000/docker"),
    "old engine": (
        lambda fake: fake.docker("19.03.15", api="1.40"),
        PROJECT,
        "docker",
        "19.03.15 is too old",
        "install Docker",
    ),
    "older engine than written": (
        lambda fake: fake.docker("24.0.7", api="1.43"),
        with_host('docker = "28.3"'),
        "docker",
        "the Engine is 24.0.7, but models.toml has 28.3",
        '`[host] docker = "24.0.7"`',
    ),
    "another socket": (
        lambda fake: fake.docker(endpoint="unix:///run/user/1000/docker.sock"),
        PROJECT,
        "docker",
        "Docker's socket is /run/user/1000/docker.sock, but models.toml has /var/run/docker.sock",
        '`[host] docker_socket = "/run/user/1000/docker.sock"`',
    ),
    "compose v1": (old_compose_only, PROJECT, "compose", "installed `docker-compose` is too old", "plugin"),
    "old compose": (lambda fake: fake.docker(compose="v2.17.0"), PROJECT, "compose", "2.17.0 is too old", "plugin"),
    "compose without CDI": (
        lambda fake: fake.docker(compose="v2.29.7"),
        CDI,
        "compose",
        "2.29.7 takes CDI names for paths",
        "plugin",
    ),
    "no driver": (
        lambda fake: fake.lose("nvidia-smi"),
        PROJECT,
        "nvidia",
        "`nvidia-smi` is missing",
        "docs.nvidia.com",
    ),
    "stale module": (
        smi_fails("Failed to initialize NVML: Driver/library version mismatch"),
        PROJECT,
        "nvidia",
        "old module is still loaded",
        "reboot",
    ),
    "no answer of the driver": (
        smi_fails("NVIDIA-SMI has failed"),
        PROJECT,
        "nvidia",
        "NVIDIA-SMI has failed",
        "dmesg",
    ),
    "old driver": (
        lambda _: None,
        with_image("vllm/vllm-openai:v0.20.0"),
        "nvidia",
        "570.195.03 does not support vllm/vllm-openai:v0.20.0: CUDA 13.0 needs 580",
        "older image",
    ),
    "older driver than written": (
        lambda _: None,
        with_host('driver = "580.65"'),
        "nvidia",
        "the driver is 570.195.03, but models.toml has 580.65",
        "modelgen doctor --write",
    ),
    "no such card": (
        lambda _: None,
        with_card('memory = "24GiB"\ndevice = "3"'),
        "nvidia",
        "gpu0 is GPU 3, which does not exist; there is 0 (NVIDIA GeForce RTX 4090, GPU-1111)",
        '`[gpus.gpu0] device = "0"`',
    ),
    "no such slice": (
        lambda _: None,
        with_card('memory = "24GiB"\ndevice = "MIG-1"'),
        "nvidia",
        "MIG-1, which does not exist",
        "nvidia-smi -L",
    ),
    "less memory": (
        cards("0, GPU-1111, NVIDIA L4, 23034, 570.195.03"),
        PROJECT,
        "nvidia",
        "gpu0 is NVIDIA L4 with 22.4 GiB, but models.toml has 24.0 GiB",
        '`[gpus.gpu0] memory = "22.4GiB"`',
    ),
    "no toolkit": (
        info(Runtimes={"runc": {}}),
        PROJECT,
        "toolkit",
        "no runtime `nvidia`",
        "nvidia-ctk runtime configure",
    ),
    "no CDI": (info(CDISpecDirs=None), CDI, "toolkit", "CDI is disabled", '"features": {"cdi": true}'),
    "nothing in CDI": (lambda _: None, CDI, "toolkit", "describes no device", "sudo nvidia-ctk cdi generate"),
    "no AMD driver": (lambda _: None, AMD, "amd", "/dev/kfd does not exist", "modprobe amdgpu"),
    "one level too high": (
        lambda _: None,
        PROJECT.replace("./models/hub", "./models"),
        "hub",
        "is not the hub directory",
        'write `hub = "./models/hub"` in [project]',
    ),
    "closed file": (close_file, PROJECT, "hub", "models--a--b/blobs/0: the file has mode 0600", "chmod -R a+rX"),
    "closed file on a disk without modes": (
        close_on_exfat,
        PROJECT,
        "hub",
        "models--a--b/blobs/0: the file has mode 0600",
        "or if that has no effect, mount exfat with `umask=022`",
    ),
    "closed folder": (close_folder, PROJECT, "hub", "models--a--b: the folder has mode 0700", "chmod -R a+rX"),
    "no such address": (
        lambda _: None,
        complete(f'{MODEL}publish = "192.0.2.1:8001"\n{FREE}'),
        "ports",
        "192.0.2.1 is not an address of this machine",
        "[models.qwen] publish",
    ),
    "SELinux": (
        lambda fake: fake.program("getenforce", {"": "Enforcing"}),
        PROJECT,
        "host",
        "SELinux is enforcing",
        "`[host] selinux = true`",
    ),
    "WSL2": (wsl2_without_docker, PROJECT, "host", "the platform is wsl2", '`[host] platform = "wsl2"`'),
    "WSL2 by its Engine": (
        wsl2,
        with_host('platform = "linux"'),
        "host",
        "the platform is wsl2, but models.toml has linux",
        "modelgen doctor --write",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_bad_is_found_with_a_way_out(fake: FakeHost, name: str) -> None:
    change, toml, subject, text, help_ = BAD[name]
    change(fake)
    bad = [item for item in fake.examine(toml) if item.state == "bad" and text in item.message]
    assert [item.subject for item in bad] == [subject], fake.wrong(toml)
    assert help_ in bad[0].help


@pytest.mark.parametrize(("change", "text"), [(no_hub, "there is no hub directory"), (empty_hub, "contains no model")])
def test_weights_that_up_will_download_are_a_note(
    fake: FakeHost, change: Callable[[FakeHost], None], text: str
) -> None:
    change(fake)
    [(subject, state, message, help_)] = fake.wrong(PROJECT + FREE)
    assert (subject, state) == ("hub", "note")
    assert text in message
    assert help_ == "`modelgen up` downloads them; without Docker: modelgen lock && modelgen fetch"
    code, out, err = run(fake)
    assert (code, err) == (0, "no problems found\n")
    assert "\n  note  " in out


def close_the_disk(fake: FakeHost) -> None:
    wsl2(fake)
    fake.file("/proc/mounts", f"/dev/sdc / ext4 rw 0 0\nD:\\134 {fake.folder} 9p rw 0 0\n")


WARNED: dict[str, Case] = {
    "newer engine than written": (
        lambda _: None,
        with_host('docker = "27"'),
        "docker",
        "the Engine is 28.3.2",
        "--write",
    ),
    "another machine": (
        lambda fake: fake.docker(endpoint="ssh://me@gpu-box"),
        PROJECT,
        "docker",
        "Docker runs elsewhere, at ssh://me@gpu-box",
        "on that machine",
    ),
    "driver of an older branch": (
        cards(CARD.replace("570.195.03", "550.54.15")),
        PROJECT,
        "nvidia",
        "NVIDIA GeForce RTX 4090 is refused",
        "update the driver to 570",
    ),
    "cgroups by systemd": (
        info(CgroupDriver="systemd"),
        PROJECT,
        "toolkit",
        "Failed to initialize NVML: Unknown Error",
        "native.cgroupdriver=cgroupfs",
    ),
    "Windows drive": (
        close_the_disk,
        with_host('platform = "wsl2"'),
        "hub",
        "on a Windows drive",
        "WSL2's own file system",
    ),
    "SELinux, written but off": (
        lambda _: None,
        with_host("selinux = true"),
        "host",
        "is not enforcing",
        "selinux = false",
    ),
    "no prune filter": (
        lambda fake: fake.settings({"pruneFilters": ["label!=other"]}),
        PROJECT,
        "prune",
        "containers of models that are not running",
        '"pruneFilters": ["label!=modelgen.keep"]',
    ),
    "settings that are no object": (
        lambda fake: fake.settings([1]),
        PROJECT,
        "prune",
        "docker system prune",
        "config.json",
    ),
}


@pytest.mark.parametrize("name", WARNED)
def test_what_may_go_wrong_later_is_a_warning(fake: FakeHost, name: str) -> None:
    change, toml, subject, text, help_ = WARNED[name]
    change(fake)
    warned = [item for item in fake.examine(toml) if item.state == "warning" and text in item.message]
    assert [item.subject for item in warned] == [subject], fake.wrong(toml)
    assert help_ in warned[0].help


def test_a_daemon_that_hangs_is_not_waited_for(fake: FakeHost) -> None:
    fake.script("docker", "#!/bin/sh\nexec /bin/sleep 600\n")
    fake.script("nvidia-smi", "#!/bin/sh\nexec /bin/sleep 600\n")
    found = fake.examine(patience=1)
    assert [item.message for item in found if "in time" in item.message and item.state == "bad"] == [
        "`docker version` did not answer in time: the daemon hangs",
        "`nvidia-smi` did not answer in time: a GPU or its driver hangs",
    ]


@pytest.mark.parametrize("said", ["", "[]", "3", '{"Server": [], "ServerVersion": 1, "Runtimes": 7}', "{", "[" * 9999])
def test_programs_that_babble_do_no_harm(fake: FakeHost, said: str) -> None:
    for name in ("docker", "nvidia-smi", "getenforce"):
        fake.script(name, f"#!/bin/sh\nprintf '%s' '{said}'\n")
    assert "bad" in {item.state for item in fake.examine()}


def test_only_what_models_toml_asks_for_is_looked_at(fake: FakeHost) -> None:
    fake.lose("nvidia-smi")
    fake.docker(info={"Runtimes": {"runc": {}}, "CgroupDriver": "systemd"})
    toml = complete('gpus = {}\n[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n' + FREE)
    assert fake.wrong(toml) == []


def test_the_sockets_other_name_is_the_same_socket(fake: FakeHost) -> None:
    assert fake.wrong(complete(f'[host]\ndocker_socket = "/run/docker.sock"\n{MODEL}{FREE}')) == []


def test_docker_desktop_puts_its_socket_at_the_usual_place(fake: FakeHost) -> None:
    fake.docker(info={"OperatingSystem": "Docker Desktop"}, endpoint="unix:///home/me/.docker/desktop/docker.sock")
    assert not [item for item in fake.wrong() if "socket" in item[2]]


def test_docker_host_goes_before_the_context(fake: FakeHost) -> None:
    fake.environment["DOCKER_HOST"] = "unix:///run/user/7/docker.sock"
    assert ["/run/user/7/docker.sock" in item[3] for item in fake.wrong() if item[0] == "docker"] == [True]


@pytest.mark.parametrize(
    "spec",
    [
        "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: '0'\n- name: all\n",
        json.dumps({"kind": "nvidia.com/gpu", "devices": [{"name": "0"}]}),
    ],
)
def test_cdi_is_read_as_yaml_and_json(fake: FakeHost, spec: str) -> None:
    fake.file("/etc/cdi/nvidia." + ("json" if spec.startswith("{") else "yaml"), spec)
    fake.file("/etc/cdi/broken.yaml", "devices: [")
    assert fake.wrong(CDI) == []


def test_cards_are_found_by_uuid_and_slice(fake: FakeHost) -> None:
    fake.cards(CARD, slices="  MIG 1g.5gb Device 0: (UUID: MIG-22)")
    for device in ("GPU-1111", "MIG-22"):
        assert fake.wrong(with_card(f'memory = "24GiB"\ndevice = "{device}"')) == []


def test_uuids_are_recommended_where_a_host_has_several_cards(fake: FakeHost) -> None:
    other = CARD.replace("0, GPU-1111", "1, GPU-2222")
    by_uuid = with_card('memory = "24GiB"\ndevice = "GPU-1111"')
    shown = {}
    for rows, text in (((CARD, other), PROJECT), ((CARD,), PROJECT), ((CARD, other), by_uuid)):
        fake.cards(*rows)
        found = [one for one in fake.examine(text) if "the index of a GPU" in one.message]
        shown[len(rows), text == PROJECT] = [(one.state, one.help) for one in found]
    recommended = [("note", '`[gpus.gpu0] device = "GPU-1111"`')]
    assert shown == {(2, True): recommended, (1, True): [], (2, False): []}


def test_a_card_without_memory_of_its_own_is_not_judged(fake: FakeHost) -> None:
    fake.cards("0, GPU-1, NVIDIA GB10, [N/A], 580.95.05")
    assert [item[1] for item in fake.wrong(PROJECT + FREE)] == ["unknown"]


@pytest.mark.parametrize("name", ["Tesla T4", "NVIDIA L4", "NVIDIA H100 80GB HBM3"])
def test_a_data_center_card_accepts_a_newer_cuda(fake: FakeHost, name: str) -> None:
    fake.cards(CARD.replace("570.195.03", "550.54.15").replace("NVIDIA GeForce RTX 4090", name))
    assert [item.message for item in fake.examine(PROJECT) if "older than" in item.message] == []


def test_amd_device_files_are_opened_by_groups(fake: FakeHost) -> None:
    files = [fake.file("/dev/kfd", ""), fake.file("/dev/dri/renderD128", "")]
    for path in files:
        path.chmod(0o660)
    gid = os.getgid()
    assert [item[3] for item in fake.wrong(AMD)] == [f"`[gpus.gpu0] groups = [{gid}]`"]
    assert fake.wrong(AMD.replace('kind = "amd"', f'kind = "amd"\ngroups = [{gid}]')) == []
    for path in files:
        path.chmod(0o666)
    assert fake.wrong(AMD) == []


def test_a_port_is_good_if_the_project_itself_holds_it(fake: FakeHost, taken: int) -> None:
    toml = complete(f'{MODEL}[orchestrator]\nlisten = "127.0.0.1:{taken}"\n')
    assert [(item[0], item[1]) for item in fake.wrong(toml)] == [("ports", "bad")]
    fake.docker(ps=f"other-web\t127.0.0.1:{taken}->80/tcp")
    assert ["docker stop other-web" in item[3] for item in fake.wrong(toml)] == [True]
    fake.docker(ps=f"other-web\t\ndemo-orchestrator\t127.0.0.1:{taken - 1}-{taken}->8080-8081/tcp")
    assert fake.wrong(toml) == []


def test_a_port_that_a_process_holds_names_the_process(fake: FakeHost, taken: int) -> None:
    toml = complete(f'{MODEL}[orchestrator]\nlisten = "127.0.0.1:{taken}"\n')
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = f"   0: 0100007F:{taken:04X} 00000000:0000 %s 00000000:00000000 00:00000000 00000000 1000 0 4711 1\n"
    fake.file("/proc/net/tcp", head + row % "01")  # a connection, not a listener
    fake.file("/proc/812/cmdline", "/usr/bin/python3\0-m\0http.server\0--secret\0")
    (fake.root / "proc" / "812" / "fd").mkdir()
    (fake.root / "proc" / "812" / "fd" / "3").symlink_to("socket:[4711]")
    assert "by another program" in fake.wrong(toml)[0][2]
    fake.file("/proc/net/tcp6", head + row % "0A")
    assert f"127.0.0.1:{taken} is used by python3 -m http.server (pid 812)" in fake.wrong(toml)[0][2]


def test_another_project_on_the_same_cards_is_a_warning(fake: FakeHost) -> None:
    details = (
        '{{index .Config.Labels "com.docker.compose.project"}}\t{{json .HostConfig.DeviceRequests}}\t'
        "{{json .HostConfig.Devices}}"
    )
    listed = '{{.ID}}\t{{.Label "com.docker.compose.project"}}'
    fake.docker(
        more={
            'ps --format {{.Label "com.docker.compose.project"}}': "qwen\nother",
            f"ps --all --filter label=modelgen.model --format {listed}": "1\tdemo\n2\tother\n3\tstopped",
            f"inspect --format {details} 2": 'other\t[{"DeviceIDs": ["GPU-1111"]}]\tnull',
        }
    )
    [found] = fake.wrong()
    assert found[:2] == ("cards", "warning")
    assert "the project `other` also runs here and has models on gpu0" in found[2]


def run(fake: FakeHost, *args: str, toml: str = PROJECT + FREE) -> tuple[int, str, str]:
    (fake.folder / "models.toml").write_text(toml)
    done = modelgen("doctor", *args, cwd=fake.folder, env=fake.environment)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_people_read_a_table(fake: FakeHost) -> None:
    code, out, err = run(fake)
    assert (code, err) == (0, "no problems found\n")
    assert "\ncompose\n  ok    Docker Compose 2.40.3\n" in out
    fake.docker(compose="2.1.0")
    code, out, err = run(fake)
    assert (code, err) == (3, "1 bad\n")
    assert "\ncompose\n  BAD   Docker Compose 2.1.0 is too old: 2.20 is needed\n        sudo apt-get install" in out


def test_a_warning_is_no_failure(fake: FakeHost) -> None:
    fake.docker(info={"CgroupDriver": "systemd"})
    code, out, err = run(fake)
    assert (code, err) == (0, "1 warning\n")
    assert "\n  warn  systemd manages the cgroups" in out


@pytest.mark.parametrize("lost", ["nvidia-smi", ""])
def test_up_names_the_first_cause(fake: FakeHost, lost: str) -> None:
    if lost:
        fake.lose(lost)
    document, _, _ = load(PROJECT.encode())
    assert document is not None
    found = Finding("toolkit", "bad", "no runtime", "install it")
    cause = first_cause(found, fake.host(), Wanted(document))
    assert cause.message.startswith("`nvidia-smi` is missing" if lost else "no runtime")


def test_programs_read_one_document(fake: FakeHost) -> None:
    fake.lose("nvidia-smi")
    code, out, _ = run(fake, "--format", "json")
    told = json.loads(out)
    assert code == 3
    assert told["host"] == {
        "platform": "linux",
        "arch": "amd64",
        "driver": None,
        "docker": "28.3.2",
        "memory": "62.7GiB",
        "selinux": False,
        "docker_socket": "/var/run/docker.sock",
    }
    assert {
        "subject": "nvidia",
        "state": "bad",
        "message": "`nvidia-smi` is missing: NVIDIA's driver is not installed",
        "help": "install the driver: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/",
    } in told["findings"]


def test_without_a_models_toml_the_host_is_looked_at(fake: FakeHost) -> None:
    done = modelgen("doctor", cwd=fake.folder, env=fake.environment)
    assert done.returncode == 3
    assert done.stdout.startswith(
        "models.toml\n  BAD   there is no models.toml here or in a folder above\n        run `modelgen init` to"
    )
    assert "Docker Engine 28.3.2 answers" in done.stdout


def test_a_file_that_is_no_toml_is_said_and_the_host_looked_at(fake: FakeHost) -> None:
    code, out, _ = run(fake, toml="[project\n")
    assert code == 1
    assert out.startswith("models.toml\n  BAD   models.toml has 1 error, so its needs are not known\n")
    assert "Docker Engine 28.3.2 answers" in out


def test_a_refused_value_does_not_keep_the_rest_from_being_looked_at(fake: FakeHost) -> None:
    code, out, _ = run(fake, toml=PROJECT + FREE + '[host]\nmemory = "lots"\n')
    assert code == 0
    assert "  warn  models.toml has 1 error\n        modelgen validate\n" in out


def test_what_was_refused_is_not_looked_for(fake: FakeHost) -> None:
    code, out, _ = run(fake, toml="project = 3\n[orchestrator]\nlisten = 8080\n")
    assert code == 0
    assert "  warn  models.toml has 2 errors\n" in out
    assert "\nhub\n" not in out
    assert "\nports\n" not in out


def test_a_bare_machine_is_told_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(PROJECT)
    done = modelgen("doctor", cwd=tmp_path, env={"PATH": "", "HOME": str(tmp_path)})
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    for text in ("the command `docker` is not installed", "`nvidia-smi` is missing", "no hub directory"):
        assert text in done.stdout


def test_no_name_steers_the_terminal(fake: FakeHost) -> None:
    fake.cards("0, GPU-1, evil\x1b[2J, 24564, 570.195.03")
    _, out, _ = run(fake)
    assert "\x1b" not in out


def test_a_hub_that_nobody_reads_is_not_looked_for(tmp_path: Path) -> None:
    toml = '[project]\nname = "demo"\nhub = "./hub"\n[models.a]\nengine = "command"\nimage = "a.example/a:1"\n'
    for command, is_read in (('["serve"]', False), ('["serve", "{hub}"]', True)):
        (tmp_path / "models.toml").write_text(f"{toml}command = {command}\n")
        found = json.loads(modelgen("doctor", "--format", "json", cwd=tmp_path).stdout)["findings"]
        assert ("hub" in {finding["subject"] for finding in found}) == is_read
