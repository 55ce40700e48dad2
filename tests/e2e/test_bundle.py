"""The guide to hosts without internet, word for word, across a gap: outside a hub, inside an Engine without a route."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from deployment import IMAGE, example, tagged
from docker_cli import docker, find_compose, run
from engine_image import REPOSITORY as ENGINES
from inside import Inside, inside
from load_image import load_image
from test_air_gap import REPOS, follow, write_override

import hub_double
from compiling import REPOSITORY
from loading import WEIGHTS, checkpoint
from modelgen.bundle.tool_image import requirements
from modelgen.lower import DEFAULT_BASE_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

PULL = (
    "docker compose --project-directory build --profile '*' pull --ignore-buildable\n"
    f"docker pull {DEFAULT_BASE_IMAGE}\n"
)
CHAT = """curl -sN localhost:8080/v1/chat/completions -d '{"model": "MODEL", "stream": true,
  "messages": [{"role": "user", "content": "Hello"}]}'
"""


def blocks(title: str) -> list[str]:
    """Return the commands of a section of the guide."""
    guide = (REPOSITORY / "docs" / "guides" / "without-internet.md").read_text()
    section = re.split(r"^## ", guide.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def images(double: str, own_wheels: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of wheels for the orchestrator's and modelgen's own image, with the images below them meanwhile."""
    wheels = shutil.copytree(own_wheels, tmp_path / "wheels")
    (tmp_path / "requirements.txt").write_bytes(requirements())
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(wheels)]
    run([*pip, "--requirement", str(tmp_path / "requirements.txt")])
    before = {*docker("image", "ls", "--quiet", "modelgen-tool").split()}
    with tagged(load_image(double), IMAGE, ours=ENGINES):
        try:
            yield wheels
        finally:
            made = {*docker("image", "ls", "--quiet", "modelgen-tool").split()} - before
            if made:
                docker("image", "rm", "--force", *made)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[hub_double.Hub]:
    """The hub with the repositories of the example."""
    with hub_double.serve(home=tmp_path / "outside-home") as hub:
        for repo in REPOS:
            hub.add(repo, {**checkpoint(), "README.md": repo.encode()})
        yield hub


@pytest.fixture
def outside(tmp_path: Path, hub: hub_double.Hub) -> dict[str, str]:
    """The environment of the host with internet: this checkout's modelgen, and Compose as a plugin of Docker."""
    programs, plugins = tmp_path / "bin", tmp_path / "docker" / "cli-plugins"
    programs.mkdir()
    plugins.mkdir(parents=True)
    script = f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}/compiler" exec "{sys.executable}" -m modelgen "$@"\n'
    (programs / "modelgen").write_text(script)
    (programs / "modelgen").chmod(0o755)
    command = find_compose() or []
    if command[:1] != ["docker"]:
        (plugins / "docker-compose").symlink_to(command[0])
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**hub.environment, "PATH": path, "DOCKER_CONFIG": str(plugins.parent)}


def environment_inside(folder: Path) -> dict[str, str]:
    """Return the environment of the host without internet: Debian's Python alone, and no modelgen."""
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    (programs / "python3").write_text('#!/bin/sh\nexec /usr/bin/python3 -I -S "$@"\n')
    (programs / "python3").chmod(0o755)
    (programs / "docker").symlink_to(shutil.which("docker") or "")
    return {"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home)}


@dataclass(frozen=True)
class Gap:
    """Both hosts.

    Args:
        project: The folder of models.toml outside.
        outside: The environment outside.
        other: The host inside.
        there: The folder of models.toml inside.
        inside: The environment inside.
        port: The port of the orchestrator inside.
    """

    project: Path
    outside: Mapping[str, str]
    other: Inside
    there: Path
    inside: Mapping[str, str]
    port: int

    def run(self, script: str, folder: Path | None = None) -> str:
        """Run commands of the guide inside, in the project or another folder."""
        return self.other.run(script.replace("/srv/project", str(self.there)), folder or self.there, self.inside)

    def answer(self, model: str) -> str:
        """Return the text of a streamed answer."""
        lines = self.run(CHAT.replace("MODEL", model).replace("8080", str(self.port)))
        chunks = [line.removeprefix("data: ") for line in lines.splitlines() if line.startswith("data: {")]
        assert lines.rstrip().endswith("data: [DONE]")
        return "".join(json.loads(chunk)["choices"][0]["delta"]["content"] for chunk in chunks).strip()


@pytest.fixture
def gap(tmp_path: Path, images: Path, outside: Mapping[str, str]) -> Iterator[Gap]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    project = tmp_path / "outside"
    shutil.copytree(images, project / "build" / "orchestrator" / "wheels")
    with inside() as other:
        toml = example("bundle").replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        toml += f'\n[host]\ndocker_socket = "{other.folder}/docker.sock"\n'
        (project / "models.toml").write_text(toml)
        yield Gap(project, outside, other, other.folder / "srv", environment_inside(other.folder), port)


def test_the_guide_from_models_toml_to_an_answer_across_a_gap(tmp_path: Path, hub: hub_double.Hub, gap: Gap) -> None:
    first = "".join(blocks("On the host with internet"))
    second = blocks("On the host without internet")
    assert first.startswith("modelgen init\n")
    assert second.pop() == CHAT
    assert PULL in first
    medium = tmp_path / "medium"
    commands = first.removeprefix("modelgen init\n").replace(PULL, "")  # there is no registry here
    follow(commands.replace("to-the-host", str(medium)), gap.project, gap.outside, networked=True)
    proven = json.loads((medium / "bundle.json").read_bytes())["proven"]
    assert {*proven.values()} == {True}, proven
    hub.clear()

    check, load, up = "".join(second).splitlines()
    gap.run(f"{check}\n{load}", medium)
    write_override(gap.there / "build" / "docker-compose.override.yml")
    gap.run("./modelgen verify")
    gap.run(up, medium)
    assert gap.answer("text-4b") == f"{REPOS[0]} heard Hello"
    assert gap.answer("qwen3vl-4b") == f"{REPOS[1]} heard Hello"
    models = {model["id"]: model for model in json.loads(gap.run("./modelgen status --format json"))["models"]}
    assert (models["qwen3vl-4b"]["state"], models["text-4b"]["state"]) == ("ready", "stopped")
    assert hub.requests == []
    try_the_wrapper(gap)

    refuse_a_wrong_destination(gap, medium, tmp_path / "host.toml")
    hub.add(REPOS[0], {**checkpoint(model__safetensors=WEIGHTS[:-1] + b"!"), "README.md": b"new"})
    update = update_of(gap, medium)
    hub.clear()
    gap.run(load, update)
    gap.run(up, update)
    assert gap.answer("text-4b") == f"{REPOS[0]} heard Hello"
    gap.run("./modelgen down")
    gap.other.require_silence()
    assert hub.requests == []


def try_the_wrapper(gap: Gap) -> None:
    """Check that the script passes exit codes and Ctrl-C on, and needs nothing but the group of the socket."""
    gap.run("code=0; ./modelgen nosuch 2>/dev/null || code=$?; test $code = 2")
    with gap.other.start(["./modelgen", "logs", "--follow", "text-4b"], gap.there, gap.inside) as following:
        assert following.stdout is not None
        assert following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 130
    group = (gap.other.folder / "docker.sock").stat().st_gid
    doctor = f"setpriv --reuid 1000 --regid 1000 --groups {group} ./modelgen doctor"
    assert "  ok    Docker Engine " in gap.run(f"{doctor} || true")  # which misses a GPU


def refuse_a_wrong_destination(gap: Gap, medium: Path, host: Path) -> None:
    """Describe the host inside, which has no GPU, and have a bundle for it refused."""
    describe, create = blocks("A bundle for one host")
    gap.run(describe.replace("host.toml", str(host)), medium)
    command = create.replace("to-the-host", "wrong").replace("host.toml", str(host)).split()
    done = subprocess.run(command, cwd=gap.project, env=gap.outside, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "gpu0" in done.stdout + done.stderr
    assert not (gap.project / "wrong").exists()


def update_of(gap: Gap, medium: Path) -> Path:
    """Return a bundle of what is new outside."""
    update = medium.with_name("update")
    command = blocks("Later changes")[0].replace("update --", f"{update} --").replace("to-the-host", str(medium))
    script = f"modelgen lock --upgrade text-4b\nmodelgen fetch\nmodelgen build\n{command}"
    follow(script, gap.project, gap.outside, networked=True)
    blobs = json.loads((update / "bundle.json").read_bytes())["blobs"]
    assert sum(blob["size"] for blob in blobs.values()) < 2_000_000
    return update
