"""The wheel: installed by the tools that people use, under a name that is not taken."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

import known_environment
from compiling import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, folder, REPOSITORY], env=known_environment.caller(), check=True)
    (path,) = folder.glob("modelgen_serve-*.whl")
    return path


def run(command: list[str | Path], folder: Path, **variables: str) -> str:
    environment = known_environment.caller() | {"HOME": str(folder)} | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_the_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"modelgen/py.typed", "modelgen/templates/docker-compose.yml.j2"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "modelgen",
        "modelgen_runtime",
        "modelgen_serve",
    }


def test_uvx_builds_the_example(wheel: Path, tmp_path: Path, install: Callable[[str], Path]) -> None:
    (tmp_path / "models.toml").write_bytes((REPOSITORY / "models.toml").read_bytes())
    uvx = install("uv") / "bin" / "uvx"
    run([uvx, "--from", wheel, "modelgen", "build"], tmp_path, UV_PYTHON=sys.executable)
    assert (tmp_path / "build/docker-compose.yml").exists()


def test_pipx_installs_the_command(wheel: Path, tmp_path: Path, install: Callable[[str], Path]) -> None:
    pipx = [sys.executable, "-m", "pipx"]
    paths = {"PYTHONPATH": str(install("pipx")), "PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path)}
    run([*pipx, "install", "--quiet", wheel], tmp_path, **paths)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ""}
    assert run([tmp_path / "modelgen", "--version"], tmp_path, **environment).startswith("modelgen ")


def test_a_stranger_with_the_file_of_the_incident_gets_a_build(
    wheel: Path, tmp_path: Path, install: Callable[[str], Path]
) -> None:
    """From nothing but Python and the file: lint, import, build, and the real Compose accepts the result."""
    compose = pytest.importorskip("compose").__path__[0] + "/docker-compose"
    (tmp_path / "docker-compose.yml").write_bytes((REPOSITORY / "tests/lint/incident/docker-compose.yml").read_bytes())
    uvx: list[str | Path] = [install("uv") / "bin" / "uvx", "--from", wheel, "modelgen"]
    environment = known_environment.caller() | {"HOME": str(tmp_path), "UV_PYTHON": sys.executable}
    lint = subprocess.run([*uvx, "lint"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout.count("error[MG6")) == (1, 6), lint.stderr
    run([*uvx, "import", "docker-compose.yml", "--gpu", "RTX 3090"], tmp_path, UV_PYTHON=sys.executable)
    run([*uvx, "build"], tmp_path, UV_PYTHON=sys.executable)
    config = run([compose, "-f", "build/docker-compose.yml", "--profile", "*", "config"], tmp_path)
    assert "Qwen/Qwen3-4B-Instruct-2507" in config
