"""`modelgen serve` with a `llama-server` on the PATH: started, and missing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, modelgen
from runtime_serving import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

COMMIT = "0c38a4e9d1c4a8d0ec23b2f5e3a10a1a62c2c1b4"
FAKE = REPOSITORY / "tests" / "runtime" / "fake_llama_server.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A file with one GGUF model, which is in the hub directory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "models.toml").write_text(
        '[project]\nname = "x"\nhub = "./hub"\n[engines.llamacpp]\nversion = "b6500"\n'
        f'[orchestrator]\nlisten = "127.0.0.1:{port}"\n'
        f'[models.one]\nengine = "llamacpp"\nrepo = "org/gguf"\nrevision = "{COMMIT}"\nfile = "one.gguf"\n'
        'args = { ctx-size = 8, chat-template-file = "./t.jinja" }\n'
    )
    (tmp_path / "t.jinja").write_text("{{ messages }}")
    snapshot = tmp_path / "hub" / "models--org--gguf" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "one.gguf").write_bytes(b"GGUF")
    return tmp_path


@pytest.fixture
def serving(project: Path) -> Iterator[Served]:
    program = project / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    program.chmod(0o755)
    port = int((project / "models.toml").read_text().partition("127.0.0.1:")[2].partition('"')[0])
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), "PATH": path}
    command = [sys.executable, "-m", "modelgen", "serve"]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving")
        try:
            yield Served(project, process, port)
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_an_installed_llama_server_serves(serving: Served) -> None:
    status, answer = serving.chat("one")
    assert (status, answer["model"]) == (200, "one")
    assert serving.state("one") == "ready"


def test_one_that_is_not_installed_is_said_before_it_fails(project: Path) -> None:
    (project / "models.toml").write_text(
        (project / "models.toml").read_text().replace("[orchestrator]\n", '[orchestrator]\nkeys_file = "nowhere"\n')
    )
    said = modelgen("serve", cwd=project, env={"PATH": str(project)}).stderr
    assert "llama-server is not on the PATH here, and `one` cannot start without it\n" in said
    [model] = json.loads((project / ".modelgen" / "manifest.json").read_text())["models"]
    arguments = model["process"]["arguments"]
    assert arguments[:3] == ["llama-server", "-m", f"{project}/hub/models--org--gguf/snapshots/{COMMIT}/one.gguf"]
    assert arguments[arguments.index("--chat-template-file") + 1] == f"{project}/t.jinja"
    assert model["process"]["environment"]["LLAMA_ARG_OFFLINE"] == "1"


@pytest.mark.parametrize(
    ("printed", "is_other"),
    [("version: 6178 (0a1b2c3)", True), ("version: 6500 (0a1b2c3)", False), ("version: 0 ()", False)],
)
def test_another_build_and_missing_weights_are_said(project: Path, printed: str, *, is_other: bool) -> None:
    program = project / "llama-server"
    program.write_text(f"#!/bin/sh\necho '{printed}' >&2\n")
    program.chmod(0o755)
    (project / "models.toml").write_text(
        (project / "models.toml").read_text().replace("[orchestrator]\n", '[orchestrator]\nkeys_file = "nowhere"\n')
    )
    gguf = project / "hub" / "models--org--gguf" / "snapshots" / COMMIT / "one.gguf"
    gguf.unlink()
    said = modelgen("serve", cwd=project, env={"PATH": str(project)}).stderr
    text = f'{program} is b6178, but the flags of `one` are checked for b6500; write `version = "b6178"` in'
    assert (text in said) is is_other
    assert f"{gguf} does not exist, and `one` cannot start without it; run `modelgen fetch`\n" in said


def test_validate_checks_a_file_without_images_for_serve(project: Path) -> None:
    assert modelgen("validate", cwd=project).returncode == 0
    built = modelgen("build", cwd=project)
    assert built.returncode == 1
    assert "`one` has no image" in built.stderr
    # Without a version, nothing says that a program of this host is meant.
    text = (project / "models.toml").read_text()
    (project / "models.toml").write_text(text.replace('version = "b6500"', ""))
    assert "`one` has no image" in modelgen("validate", cwd=project).stdout
