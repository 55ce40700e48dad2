"""`modelgen doctor --write`: `[host]` is filled, and all else stays byte for byte."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from compiling import complete, modelgen
from doctoring import CARD, PROJECT, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

HOST = """\
platform = "linux"
arch = "amd64"
driver = "570.195.03"
docker = "28.3.2"
memory = "62.7GiB"
selinux = false
"""
MODEL = '[models.qwen]\nrepo = "a/b"   # pinned\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }\n'
NAMED = complete(MODEL).replace('memory = "24GiB"', 'card = "RTX 4090"')
REST = f"# Ours.\n\n{NAMED}# Last.\n[orchestrator]\nenabled = false # for now\n"


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def write(fake: FakeHost, before: str | bytes, *args: str, code: int = 0) -> tuple[bytes, list[str]]:
    """Return what models.toml is afterwards, and what was said."""
    path = fake.folder / "models.toml"
    path.write_bytes(before.encode() if isinstance(before, str) else before)
    done = modelgen("doctor", "--write", *args, cwd=fake.folder, env=fake.environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert sorted(entry.name for entry in fake.folder.iterdir()) == ["bin", "home", "models", "models.toml", "root"]
    return path.read_bytes(), [*done.stderr.splitlines(), *done.stdout.splitlines()]


def test_a_file_without_host_gets_it_at_its_end(fake: FakeHost) -> None:
    after, said = write(fake, REST)
    assert after.decode() == f"{REST}\n[host]\n{HOST}"
    assert said[0] == 'models.toml: [host] platform = "linux"'
    assert len([line for line in said if "[host]" in line]) == 6


def test_a_second_time_nothing_is_to_be_done(fake: FakeHost) -> None:
    first, _ = write(fake, REST)
    again, said = write(fake, first)
    assert again == first
    assert said[0] == "models.toml: [host] is up to date"


def test_comments_stay_and_a_comment_below_stays_with_its_table(fake: FakeHost) -> None:
    host = '[host] # the box in the cellar\ndriver = "570.195.03"   # apt holds it\n# about memory\n\n# The cards.\n'
    after, _ = write(fake, host + REST)
    missing = HOST.replace('driver = "570.195.03"\n', "")
    assert after.decode() == host.replace("\n# about", f"\n{missing}# about") + REST


def test_what_was_written_otherwise_is_replaced_and_said(fake: FakeHost) -> None:
    host = '[host]\ndocker   = "27.5" # old\nplatform = "wsl2"\nselinux=true\nmemory = "128GiB"\n\n'
    after, said = write(fake, host + REST)
    text = after.decode()
    assert text.startswith('[host]\ndocker   = "28.3.2" # old\nplatform = "linux"\nselinux=false\nmemory = "62.7GiB"\n')
    assert text.endswith("\n\n" + REST)
    assert 'models.toml: [host] docker = "28.3.2" (was "27.5")' in said
    assert "models.toml: [host] selinux = false (was true)" in said


def test_what_says_the_same_in_fewer_words_stays(fake: FakeHost) -> None:
    host = f"[host]\n{HOST}".replace("570.195.03", "570").replace("28.3.2", "28.3").replace("62.7", "64")
    after, _ = write(fake, host + REST)
    assert after.decode() == host + REST


def test_what_is_not_known_stays_as_it_is_written(fake: FakeHost) -> None:
    fake.lose("docker", "nvidia-smi")
    host = '[host]\ndriver = "550.54"\ndocker = "27.5"\ndocker_socket = "/run/user/1/docker.sock"\n\n'
    after, _ = write(fake, host + REST, code=3)
    found = tomllib.loads(after.decode())["host"]
    assert {key: found[key] for key in ("driver", "docker", "docker_socket")} == tomllib.loads(host)["host"]


def test_a_socket_is_written_only_where_it_is_not_the_usual_one(fake: FakeHost) -> None:
    fake.docker(endpoint="unix:///run/user/1000/docker.sock")
    after, _ = write(fake, REST)
    assert tomllib.loads(after.decode())["host"]["docker_socket"] == "/run/user/1000/docker.sock"
    fake.docker()
    again, _ = write(fake, after)
    assert tomllib.loads(again.decode())["host"]["docker_socket"] == "/var/run/docker.sock"


@pytest.mark.parametrize("host", ["", '[host]\ndocker = "27.5" # old\n\n# next\n'])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_windows_line_ends_and_its_mark_survive(fake: FakeHost, host: str, mark: str) -> None:
    plain, _ = write(fake, host + REST)
    after, _ = write(fake, (mark + (host + REST).replace("\n", "\r\n")).encode())
    assert after == (mark + plain.decode().replace("\n", "\r\n")).encode()


@pytest.mark.parametrize(
    "host",
    [
        'host = { docker = "27.5" } # short\n',
        'host.docker = "27.5" # dotted\n',
        '"host".selinux = true\n',
        "[host]\n",
        "[ host ]\n\n# nothing yet\n\n",
    ],
)
def test_host_is_filled_however_it_is_written(fake: FakeHost, host: str) -> None:
    after, _ = write(fake, host + REST)
    assert tomllib.loads(after.decode()) == {**tomllib.loads(REST), "host": tomllib.loads(HOST)}
    assert after.decode().endswith(REST)


def test_a_last_line_without_an_end_is_ended(fake: FakeHost) -> None:
    after, _ = write(fake, REST.rstrip("\n"))
    assert after.decode() == f"{REST}\n[host]\n{HOST}"


def test_what_is_in_the_file_beside_host_stays_byte_for_byte(fake: FakeHost) -> None:
    odd = (
        "[rules]  \n\t'unpinned-repo'=\"off\"\t#\ttabs\n\n\n"
        '[models.qwen]\nrepo="a/b"\nenv={A="1",B = """\n x\n"""}\ngpus=[\n  "gpu0", # one\n]\nargs.max-model-len=0x10\n'
        '[models."x.y".env]\n'
        'Z = \'a\\b\'\n[models."x.y"]\nrepo = "c/d"\nargs = { max-model-len = 1_000 }\n'
    )
    before = complete(odd).replace('memory = "24GiB"', 'card="RTX 4090"')
    after, _ = write(fake, before + "[orchestrator]\nenabled = false\n")
    assert after.decode() == f"{before}[orchestrator]\nenabled = false\n\n[host]\n{HOST}"


def test_a_value_that_was_refused_is_mended(fake: FakeHost) -> None:
    after, said = write(fake, f'[host]\nmemory = "lots"\n{REST}')
    assert 'memory = "62.7GiB"\n' in after.decode()
    assert 'models.toml: [host] memory = "62.7GiB" (was "lots")' in said


def test_errors_that_were_there_do_not_matter(fake: FakeHost) -> None:
    before = REST.replace("gpus =", 'gpu_memory = "much"\ngpus =')
    after, _ = write(fake, before)
    assert after.decode() == f"{before}\n[host]\n{HOST}"


def test_what_would_not_load_is_not_written(fake: FakeHost) -> None:
    fake.docker(endpoint="unix://relative.sock")
    after, said = write(fake, REST, code=3)
    assert after.decode() == REST
    assert any("[host] was not written: models.toml would have new errors" in line for line in said)


@pytest.mark.parametrize(("before", "code"), [(b"[project\n", 1), (b"\xff\xfe", 1), (b"host = 3\n", 3)])
def test_a_file_without_a_place_for_it_is_left_alone(fake: FakeHost, before: bytes, code: int) -> None:
    after, said = write(fake, before, code=code)
    assert after == before
    assert any("[host] was not written" in line for line in said)


def test_without_a_file_none_is_written(fake: FakeHost) -> None:
    done = modelgen("doctor", "--write", cwd=fake.folder, env=fake.environment)
    assert (done.returncode, (fake.folder / "models.toml").exists()) == (3, False)
    assert "modelgen init" in done.stdout


def test_the_findings_are_of_the_file_as_it_is_then(fake: FakeHost) -> None:
    fake.program("getenforce", {"": "Enforcing"})
    _, said = write(fake, REST, "--format", "json")
    assert not [line for line in said if '"bad"' in line]


def test_a_link_and_the_mode_stay(fake: FakeHost) -> None:
    real = fake.folder / "home" / "real.toml"
    real.write_text(REST)
    real.chmod(0o640)
    (fake.folder / "models.toml").symlink_to(real)
    done = modelgen("doctor", "--write", cwd=fake.folder, env=fake.environment)
    assert done.returncode == 0
    assert (fake.folder / "models.toml").is_symlink()
    assert real.read_text().endswith(f"\n[host]\n{HOST}")
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_takes_no_file_is_said(fake: FakeHost) -> None:
    (fake.folder / "models.toml.modelgen-new").mkdir()
    (fake.folder / "models.toml").write_text(REST)
    done = modelgen("doctor", "--write", cwd=fake.folder, env=fake.environment)
    assert done.returncode == 3
    assert "[host] was not written: cannot write models.toml" in done.stdout.replace(str(fake.folder) + "/", "")
    assert "Traceback" not in done.stderr
    assert (fake.folder / "models.toml").read_text() == REST


def test_the_first_card_tells_the_driver(fake: FakeHost) -> None:
    fake.cards(CARD, CARD.replace("0, GPU-1111", "1, GPU-2222"))
    after, _ = write(fake, PROJECT + "[orchestrator]\nenabled = false\n")
    assert tomllib.loads(after.decode())["host"]["driver"] == "570.195.03"


GPU = '[gpus.gpu0] # ours\nmemory = "24GiB"\ndevice = "0"\n# Next.\n'


def cards_written(fake: FakeHost, gpus: str) -> tuple[str, list[str]]:
    """Return what the file is afterwards, and what was said about `[gpus]`."""
    fragment = f'[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8 }}\n{gpus}'
    rest = complete(f"{fragment}[orchestrator]\nenabled = false\n")  # so that no port of this machine is looked at
    after, said = write(fake, f"[host]\n{HOST}{rest}")
    return after.decode(), [line for line in said if line.startswith("models.toml: [gpus.")]


def test_a_known_card_gets_its_name(fake: FakeHost) -> None:
    after, said = cards_written(fake, GPU)
    assert GPU.replace("# Next", 'card = "RTX 4090"\n# Next') in after
    assert said == ['models.toml: [gpus.gpu0] card = "RTX 4090"']


@pytest.mark.parametrize(
    "gpu",
    [
        '[gpus.gpu0]\ncard = "NVIDIA GeForce RTX 4090"\ndevice = "0"\n',
        '[gpus.gpu0]\nmemory = "24GiB"\ncapability = "8.9"\ndevice = "0"\n',
        '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "GPU-1111-other"\n',
    ],
)
def test_a_card_that_is_described_or_not_here_stays(fake: FakeHost, gpu: str) -> None:
    rest = complete(gpu)
    path = fake.folder / "models.toml"
    path.write_text(f"[host]\n{HOST}{rest}")
    modelgen("doctor", "--write", cwd=fake.folder, env=fake.environment)
    assert path.read_text() == f"[host]\n{HOST}{rest}"


def test_a_card_in_a_short_table_and_an_unknown_one(fake: FakeHost) -> None:
    inline = '[gpus]\ngpu0 = { memory = "24GiB", device = "GPU-1111" }\n'
    assert 'card = "RTX 4090"' in cards_written(fake, inline)[0]
    fake.cards("0, GPU-1111, NVIDIA RTX 9999, 24564, 570.195.03")
    assert cards_written(fake, GPU)[1] == []
    fake.cards("0, GPU-1111, NVIDIA RTX 9999, 24564, 570.195.03", capabilities="GPU-1111, 12.3")
    assert cards_written(fake, GPU)[1] == ['models.toml: [gpus.gpu0] capability = "12.3"']
    fake.cards("0, GPU-1111, NVIDIA RTX 9999, 24564, 570.195.03", capabilities="GPU-1111, [N/A]")
    assert cards_written(fake, GPU)[1] == []
