"""The guide to hosts without internet, word for word: from `lock` to an engine that serves offline.

And a checkpoint that is on no hub.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import chat
import pytest
import yaml
from deployment import PREFIX, Deployment, example, overrides
from docker_cli import docker
from running import remove

import hub_double
from compiling import REPOSITORY
from runtime_serving import Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

REPOS = (
    "Qwen/Qwen3-4B-Instruct-2507",
    "Qwen/Qwen3-VL-4B-Instruct",
    "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ",
)
CONFIG = json.dumps({"model_type": "qwen3", "max_position_embeddings": 262144, "num_attention_heads": 32}).encode()
TOKENIZER = json.dumps({"tokenizer_class": "Qwen2Tokenizer", "chat_template": "{{ messages }}"}).encode()


def commands() -> tuple[str, str]:
    """Return the commands of the guide for each host, without those that install modelgen and begin a file."""
    guide = (REPOSITORY / "docs" / "guides" / "without-internet-by-hand.md").read_text()
    _, first, second, *_ = re.split(r"^## ", guide, flags=re.MULTILINE)
    blocks = [re.findall(r"```sh\n(.*?)```", part, re.DOTALL) for part in (first, second)]
    assert (blocks[0].pop(0), blocks[0].pop()[:9]) == ("modelgen init\n", "pip wheel")
    return "".join(blocks[0]), "".join(blocks[1])


def follow(script: str, folder: Path, environment: Mapping[str, str], *, networked: bool) -> None:
    """Run commands as they are written; without a network, there is not even one to fail."""
    barrier = [] if networked else ["unshare", "--net"]
    command = [*barrier, "bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture
def programs(tmp_path: Path, compose: Sequence[str]) -> Path:
    """A folder for PATH with this checkout's modelgen, and `docker compose` where Docker has no such plugin."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = {"modelgen": f'PYTHONPATH="{REPOSITORY}/compiler" exec "{sys.executable}" -m modelgen "$@"'}
    if [*compose] != ["docker", "compose"]:
        real = shutil.which("docker")
        run = f'if [ "$1" = compose ]; then shift; exec {" ".join(compose)} "$@"; fi\nexec {real} "$@"'
        scripts["docker"] = run
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[hub_double.Hub]:
    """The hub with the repositories of the example."""
    with hub_double.serve(home=tmp_path / "home") as hub:
        for repo in REPOS:
            small = {"config.json": CONFIG, "tokenizer.json": b"{}", "tokenizer_config.json": TOKENIZER}
            hub.add(repo, {**small, "model.safetensors": safetensors(repo), "README.md": b"# model\n"})
        yield hub


def safetensors(repo: str) -> bytes:
    """Return a file of one tensor, whose bytes tell of what it is."""
    data = repo.encode().ljust(64)
    header = json.dumps({"w": {"dtype": "BF16", "shape": [len(data) // 2], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


def test_from_lock_to_an_offline_start(  # noqa: PLR0917 - fixtures
    tmp_path: Path,
    compose: Sequence[str],
    engine: None,  # noqa: ARG001 - the image's name
    hub: hub_double.Hub,
    programs: Path,
    own_wheels: Path,
) -> None:
    first, second = commands()
    online, offline = tmp_path / "online", tmp_path / "offline"
    online.mkdir()
    offline.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (online / "models.toml").write_text(example("air-gap").replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    shutil.copytree(own_wheels, online / "build" / "orchestrator" / "wheels")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    follow(first, online, {**hub.environment, "PATH": path}, networked=True)
    assert hub.bytes_sent("*.safetensors") > 0
    hub.clear()

    for name in ("images.tar", "to-the-host.tar"):
        shutil.copy(online / name, offline)
    tar, verify, *rest = second.splitlines(keepends=True)
    everywhere = {**hub.environment, "PATH": path}
    follow(tar + verify, offline, everywhere, networked=False)
    file = offline / "build" / "docker-compose.yml"
    deployment = Deployment(compose, offline, yaml.safe_load(file.read_text())["name"], file)
    write_override(file.with_name("docker-compose.override.yml"))
    try:
        # Not without a network: the orchestrator is asked on loopback. Whoever asked the hub would be seen.
        follow("".join(rest), offline, everywhere, networked=True)
        served = Served(offline, cast("subprocess.Popen[str]", None), port)
        assert served.chat("text-4b")[1]["choices"][0]["message"]["content"] == f"{REPOS[0]} heard hello"
    finally:
        deployment.down()
    assert hub.requests == []


def test_up_from_an_empty_hub_to_the_first_answer(
    tmp_path: Path,
    engine: None,  # noqa: ARG001 - the image's name
    hub: hub_double.Hub,
    programs: Path,
    own_wheels: Path,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "models.toml").write_text(example("whole").replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    shutil.copytree(own_wheels, tmp_path / "build" / "orchestrator" / "wheels")
    write_override(tmp_path / "build" / "docker-compose.override.yml")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**hub.environment, "PATH": path}
    try:
        refused = subprocess.run(
            ["modelgen", "up"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 3
        assert "bytes must be downloaded to" in refused.stderr
        assert "pass --yes" in refused.stderr
        follow("modelgen up --yes", tmp_path, environment, networked=True)
        served = Served(tmp_path, cast("subprocess.Popen[str]", None), port)
        assert served.chat("text-4b")[1]["choices"][0]["message"]["content"] == f"{REPOS[0]} heard hello"
        hub.clear()
        follow("modelgen up --offline && modelgen down", tmp_path, environment, networked=True)
        assert hub.requests == []
    finally:
        remove(f"{PREFIX}whole")


def test_a_checkpoint_of_ones_own_serves_by_its_repository_id(
    tmp_path: Path,
    compose: Sequence[str],
    engine: None,  # noqa: ARG001 - the image's name
    programs: Path,
) -> None:
    checkpoint = tmp_path / "my-ft"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_bytes(CONFIG)
    (checkpoint / "tokenizer.json").write_text("{}")
    (checkpoint / "model.safetensors").write_bytes(safetensors("my-ft"))
    # All three models of the example are this checkpoint: none of theirs is on a hub here.
    toml = example("local")
    for repo in REPOS:
        toml = toml.replace(repo, "local/my-ft")
    (tmp_path / "models.toml").write_text(toml)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    script = "modelgen add my-ft --as local/my-ft && modelgen lock && modelgen verify && modelgen build"
    follow(script, tmp_path, {**os.environ, "PATH": path}, networked=False)
    file = tmp_path / "build" / "docker-compose.yml"
    deployment = Deployment(compose, tmp_path, yaml.safe_load(file.read_text())["name"], file)
    try:
        deployment.up_healthy("text-4b")
        question = Path(chat.__file__).read_text()
        command = ["exec", "--interactive", deployment.container("vllm-text"), "python3", "-"]
        answer = json.loads(docker(*command, "http://127.0.0.1:8000", "text-4b", stdin=question))
        assert answer["text"] == "local/my-ft heard hello"
    finally:
        deployment.down()


def write_override(path: Path) -> None:
    """Write what this machine needs to where the guide's commands find it: no GPU, perhaps no limits."""
    merged: dict[str, dict[str, object]] = {}
    for file in overrides():
        for name, keys in yaml.load(file.read_text(), Loader=_Loader)["services"].items():
            merged.setdefault(name, {}).update(keys)
    text = yaml.dump({"services": merged}, Dumper=_Dumper)
    path.write_text(text)


class _Reset(str):
    """Compose's `!reset null`: the key goes."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    pass


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - its signature
        return True


_Loader.add_constructor("!reset", lambda _, node: _Reset(node.value))
_Dumper.add_representer(_Reset, lambda dumper, data: dumper.represent_scalar("!reset", str(data)))
