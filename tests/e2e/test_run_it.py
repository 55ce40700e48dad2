"""The pages about first steps and applications, word by word: from a clone to a streamed answer in Docker, no GPU."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from deployment import PREFIX
from running import remove

from compiling import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

FIRST_STEPS = (REPOSITORY / "docs" / "first-steps.md").read_text()
SECTION = FIRST_STEPS.partition("\n## Try it without a GPU\n")[2].partition("\n## ")[0]
APPLICATIONS = (REPOSITORY / "docs" / "guides" / "applications.md").read_text()
OWN_PROJECT = APPLICATIONS.partition("\n## In a project of its own\n")[2].partition("\n## ")[0]
PROJECT = f"{PREFIX}demo"


@pytest.fixture
def clone(own_wheels: Path, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """The demo as a fresh clone has it, on a port that is free and as another project; and what `pip` would bring."""
    demo = tmp_path / "tests" / "demo"
    shutil.copytree(REPOSITORY / "tests" / "demo", demo, ignore=shutil.ignore_patterns(".modelgen"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    toml = demo / "models.toml"
    text = toml.read_text().replace('name = "demo"', f'name = "{PROJECT}"')
    toml.write_text(f'{text}\n[orchestrator]\nlisten = "127.0.0.1:{port}"\n')
    (demo / "build" / "orchestrator").mkdir(parents=True)
    (demo / "build" / "orchestrator" / "wheels").symlink_to(own_wheels)
    yield tmp_path, port
    remove(PROJECT)


def test_run_it_can_be_followed(clone: tuple[Path, int]) -> None:
    folder, port = clone
    begin, asks, end = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    [client] = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    follow(folder, port, begin)
    told = follow(folder, port, asks)
    assert '"id": "owl"' in told
    assert '"delta": {"content": "hello "}' in told
    assert "data: [DONE]" in told
    assert re.search(r"owl +ready +0 +0 +idle for \d+s\n", told)
    assert "owl loads\n" in told
    spoken = subprocess.run(
        [sys.executable, "-c", client.replace("localhost:8080", f"localhost:{port}")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert spoken.stdout == "owl says: hello "
    follow(folder, port, end)


def test_a_container_of_another_project_reaches_it_as_the_guide_says(clone: tuple[Path, int], double: str) -> None:
    folder, port = clone
    begin, _, _ = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    follow(folder, port, begin)
    [address] = re.findall(r"OPENAI_API_BASE_URL: (\S+)", OWN_PROJECT)
    [network] = re.findall(r"name: (\S+) +# <project>-edge", OWN_PROJECT)
    ask = f"import urllib.request; print(urllib.request.urlopen('{address}/models', timeout=10).read().decode())"
    options = [
        "--rm",
        "--pull",
        "never",
        "--memory",
        "128m",
        "--network",
        network.replace("model-orchestrator", PROJECT),
    ]
    done = subprocess.run(
        ["docker", "run", *options, double, "python3", "-c", ask],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert '"id": "parrot"' in done.stdout


def follow(folder: Path, port: int, script: str) -> str:
    """Run lines as a user does, and return what they print."""
    me = f"{shlex.quote(sys.executable)} -m modelgen"
    script = re.sub(r"(?m)^modelgen ", f"{me} ", script.replace("localhost:8080", f"localhost:{port}"))
    done = subprocess.run(
        f"set -e\n{script}",
        shell=True,
        executable="/bin/bash",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
