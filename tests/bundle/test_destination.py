"""The host that a bundle is for: its file, and a models.toml on it."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from compiling import complete
from modelgen.bundle.destination import Destination, read_destination
from modelgen.bundle.host_text import write_machine
from modelgen.bundle.on_host import put_on
from modelgen.files import InputError
from modelgen.load import load
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from modelgen.load import Document

HERE = complete(
    """
    # a comment that stays
    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    gpus = ["gpu0"]
    args = { max-model-len = 4096 }
    """
)
CARD = {"card": "NVIDIA GeForce RTX 3090", "memory": "24576MiB", "device": "0", "capability": "8.6"}
OTHER = {"card": "NVIDIA A100-SXM4-80GB", "memory": "81920MiB", "device": "0", "capability": "8.0"}
UNKNOWN = {"card": "NVIDIA Q9000", "memory": "40000MiB", "device": "0", "capability": "13.9"}


def destination(card: dict[str, str] | None = None, host: dict[str, Any] | None = None, **facts: Any) -> Destination:  # noqa: ANN401 - TOML
    gpus = {"gpu0": card} if card else {}
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in (
            ("host", host or {}),
            *((f"gpus.{name}", gpu) for name, gpu in gpus.items()),
            ("destination", {"format": 1, **facts}),
        )
    ]
    return read_destination("".join(lines).encode(), "host.toml")


def document(toml: str = HERE) -> Document:
    found, _, _ = load(toml.encode())
    assert found is not None
    return found


def written_for(toml: str, there: Destination) -> dict[str, Any]:
    """Return the tables of a models.toml as it is carried."""
    here = document(toml)
    return tomllib.loads(write_machine(toml.encode(), here, put_on(here, there, "host.toml").machine).decode())


def findings(toml: str, there: Destination) -> list[tuple[str, int]]:
    put = put_on(document(toml), there, "host.toml")
    assert put.problems == ()
    return [(one.rule, one.span.line) for one in compile_source(toml.encode(), machine=put.machine).diagnostics]


def test_facts_of_the_other_host_are_in_place_of_the_written_ones() -> None:
    there = destination(OTHER, {"arch": "arm64", "driver": "550.54.15", "docker": "28.3.2"})
    tables = written_for(HERE, there)
    assert {key: tables["host"][key] for key in ("arch", "driver")} == {"arch": "arm64", "driver": "550.54.15"}
    assert (tables["gpus"]["gpu0"]["card"], "memory" in tables["gpus"]["gpu0"]) == ("A100 80GB", False)
    assert tables["models"] == tomllib.loads(HERE)["models"]
    text = write_machine(HERE.encode(), document(), put_on(document(), there, "host.toml").machine)
    assert b"# a comment that stays" in text


@pytest.mark.parametrize(
    ("gpu", "there", "after"),
    [
        ('card = "RTX 3090"', CARD, {"card": "RTX 3090"}),
        ('card = "RTX 3090"\nmemory = "20GiB"', CARD, {"card": "RTX 3090", "memory": "20GiB"}),
        ('memory = "24GiB"', CARD, {"card": "RTX 3090", "memory": "24GiB"}),
        ('card = "RTX 3090"', OTHER, {"card": "A100 80GB"}),
        ('memory = "24GiB"\ncapability = "8.6"', OTHER, {"card": "A100 80GB"}),
        ('card = "RTX 3090"', UNKNOWN, {"memory": "40000MiB", "capability": "13.9"}),
    ],
)
def test_a_gpu_is_the_one_that_is_there(gpu: str, there: dict[str, str], after: dict[str, str]) -> None:
    toml = complete(f'[gpus.gpu0]\n{gpu}\ndevice = "0"\n[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]')
    assert written_for(toml, destination(there))["gpus"]["gpu0"] == {**after, "device": "0"}


def test_a_file_that_fits_is_carried_as_it_is() -> None:
    toml = complete('[host]\narch = "amd64"\nmemory = "64GiB"\n[gpus.gpu0]\ncard = "RTX 3090"\ndevice = "GPU-1"')
    there = destination(CARD, {"arch": "amd64", "memory": "62.7GiB"}, uuids=["GPU-1"])
    assert (
        write_machine(toml.encode(), document(toml), put_on(document(toml), there, "host.toml").machine)
        == toml.encode()
    )


def test_a_socket_that_is_the_default_there_replaces_a_written_one() -> None:
    toml = complete('[host]\ndocker_socket = "/run/user/1000/docker.sock"')
    assert written_for(toml, destination(host={"docker": "28.3"}))["host"]["docker_socket"] == "/var/run/docker.sock"
    assert written_for(toml, destination())["host"] == {"docker_socket": "/run/user/1000/docker.sock"}


@pytest.mark.parametrize(
    ("card", "host", "rule", "line"),
    [
        (CARD, {"driver": "470.82.01"}, "driver-too-old", 'image = "vllm/vllm-openai:v0.11.0"'),
        (CARD, {"arch": "arm64"}, "wrong-arch", 'image = "vllm/vllm-openai:v0.10.0"'),
        ({**UNKNOWN, "capability": "3.5"}, {}, "image-for-other-generation", "vllm-openai:v0.11.0"),
        ({**UNKNOWN, "memory": "8000MiB"}, {}, "model-over-card", "gpu_memory"),
    ],
)
def test_rules_judge_the_other_host_at_the_lines_of_the_file(
    card: dict[str, str], host: dict[str, str], rule: str, line: str
) -> None:
    toml = HERE.replace("gpus = [", 'gpu_memory = "20GiB"\ngpus = [')
    toml = toml.replace("v0.11.0", "v0.10.0") if rule == "wrong-arch" else toml
    found = findings(toml, destination(card, host))
    assert rule in [name for name, _ in found]
    assert line in toml.splitlines()[dict(found)[rule] - 1]


@pytest.mark.parametrize(
    ("gpu", "there", "said"),
    [
        ('device = "1"', destination(CARD), 'has device "1", which host.toml does not list; write one of "0" (NVIDIA'),
        ('device = "GPU-2"', destination(CARD, uuids=["GPU-1"]), 'has device "GPU-2", which host.toml does not list'),
        ('device = "0"', destination(), "needs a GPU, and host.toml lists none"),
        ('device = "nvidia.com/gpu=7"\nkind = "cdi"', destination(CARD, cdi=["nvidia.com/gpu=0"]), "does not list"),
        ('device = "0"', destination(CARD, toolkit="none"), "install the NVIDIA Container Toolkit there"),
        ('device = "0"', destination(CARD, compose="2.19.1"), "has Docker Compose 2.19.1, and 2.20 is needed"),
        ('device = "0"', destination(CARD, {"docker": "19.03"}), "has Docker Engine 19.03, and 20.10 is needed"),
    ],
)  # fmt: skip
def test_what_no_rule_knows_is_a_problem(gpu: str, there: Destination, said: str) -> None:
    toml = complete(f'[gpus.gpu0]\nmemory = "24GiB"\n{gpu}\n[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]')
    (problem,) = put_on(document(toml), there, "host.toml").problems
    assert said in problem
    assert problem.startswith("models.toml:3: `[gpus.gpu0]`") == ("`[gpus" in problem)


@pytest.mark.parametrize(
    ("gpu", "there"),
    [
        ('device = "MIG-1"', destination(CARD)),
        ('device = "nvidia.com/gpu=all"\nkind = "cdi"', destination(CARD, cdi=["nvidia.com/gpu=all"])),
        ('device = "nvidia.com/gpu=3"\nkind = "cdi"', destination(CARD)),
        ('device = "0"', destination(CARD, toolkit="cdi")),
        ('device = "0"', destination(CARD)),
    ],
)
def test_what_is_not_known_is_no_problem(gpu: str, there: Destination) -> None:
    toml = complete(f'[gpus.gpu0]\nmemory = "24GiB"\n{gpu}\n[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]')
    assert put_on(document(toml), there, "host.toml").problems == ()


def test_a_gpu_that_no_model_uses_may_be_missing() -> None:
    toml = complete('[gpus.gpu1]\nmemory = "24GiB"\ndevice = "1"\n[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]')
    assert put_on(document(toml), destination(CARD), "host.toml").problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "`destination` is missing"),
        ("[destination]\nformat = 2", "has format 2, and this modelgen reads 1; update modelgen here"),
        ("[destination]\nformat = 1\nfree = 3", "`destination.free` is an unknown key"),
        ("[destination]\nformat = 1\nlinks = 1", "`destination.links` must be true or false"),
        ("[destination]\nformat = 1\nfree_hub = -1", "`destination.free_hub` must be greater than or equal to 0"),
        ('[destination]\nformat = 1\nblobs = ["../x"]', "`destination.blobs.0` must match"),
        ("[host]\ndriver = 5\n[destination]\nformat = 1", "`host.driver`"),
        ("[destination", "is not TOML"),
        ("a = " + "[" * 5000, "is nested too deep"),
        ("a = " + "9" * 5000, "is not TOML"),
    ],
    ids=range(10),
)
def test_a_wrong_file_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read_destination(text.encode(), "host.toml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_powershell_writes_utf_16() -> None:
    text = "[destination]\r\nformat = 1\r\nlinks = false\r\n"
    assert read_destination(text.encode("utf-16"), "host.toml").destination.links is False
