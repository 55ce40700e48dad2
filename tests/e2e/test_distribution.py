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
def tools(install: Callable[[str], Path]) -> Path:
    """Return the folder of uv's programs."""
    return install("uv") / "bin"


@pytest.fixture(scope="module")
def wheel(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([tools / "uv", "build", "--quiet", "--wheel", "--out-dir", folder, REPOSITORY], folder, tools)
    (path,) = folder.glob("modelgen_serve-*.whl")
    return path


def environment_of(folder: Path, tools: Path) -> dict[str, str]:
    """Return an environment with nothing installed; what uv downloads stays for the next run of the tests."""
    own = {"HOME": str(folder), "UV_PYTHON": sys.executable, "UV_CACHE_DIR": str(tools.parents[1] / "uv-cache")}
    return known_environment.caller() | own


def run(command: list[str | Path], folder: Path, tools: Path, **variables: str) -> str:
    environment = environment_of(folder, tools) | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_the_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"modelgen/py.typed", "modelgen/templates/docker-compose.yml.j2"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "modelgen",
        "modelgen_importer",
        "modelgen_runtime",
        "modelgen_serve",
    }


def test_uvx_builds_the_example(wheel: Path, tools: Path, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes((REPOSITORY / "models.toml").read_bytes())
    run([tools / "uvx", "--from", wheel, "modelgen", "build"], tmp_path, tools)
    assert (tmp_path / "build/docker-compose.yml").exists()


def test_pipx_installs_the_command(wheel: Path, tools: Path, tmp_path: Path, install: Callable[[str], Path]) -> None:
    pipx = [sys.executable, "-m", "pipx"]
    paths = {"PYTHONPATH": str(install("pipx")), "PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path)}
    paths["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    run([*pipx, "install", "--quiet", "--backend", "uv", wheel], tmp_path, tools, **paths)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ""}
    assert run([tmp_path / "modelgen", "--version"], tmp_path, tools, **environment).startswith("modelgen ")


def test_a_stranger_with_the_file_of_the_incident_gets_a_build(wheel: Path, tools: Path, tmp_path: Path) -> None:
    """From nothing but Python and the file: lint, import, build, and the real Compose accepts the result."""
    compose = pytest.importorskip("compose").__path__[0] + "/docker-compose"
    (tmp_path / "docker-compose.yml").write_bytes((REPOSITORY / "tests/lint/incident/docker-compose.yml").read_bytes())
    uvx: list[str | Path] = [tools / "uvx", "--from", wheel, "modelgen"]
    environment = environment_of(tmp_path, tools)
    lint = subprocess.run([*uvx, "lint"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout.count("error[MG6")) == (1, 6), lint.stderr
    run([*uvx, "import", "docker-compose.yml", "--gpu", "RTX 3090"], tmp_path, tools)
    run([*uvx, "build"], tmp_path, tools)
    config = run([compose, "-f", "build/docker-compose.yml", "--profile", "*", "config"], tmp_path, tools)
    assert "Qwen/Qwen3-4B-Instruct-2507" in config
