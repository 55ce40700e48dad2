"""Real vLLM fails to start: the client and `modelgen why` get the reason, and the line of models.toml that mends it.

Opt-in, see tests/e2e/README.md: MODELGEN_VLLM and MODELGEN_NEWER_VLLM name the `vllm` commands of two versions for CPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from failing_engine import chat, serving
from real_failures import CASES, Case, version_of

pytestmark = pytest.mark.vllm


@pytest.fixture(params=["MODELGEN_VLLM", "MODELGEN_NEWER_VLLM"])
def program(request: pytest.FixtureRequest) -> Path:
    """Return the command of an installed vLLM."""
    path = os.environ.get(request.param)
    if not path:
        pytest.skip(f"{request.param} names no vLLM for CPU")
    return Path(path)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_failure_is_explained_at_its_line(case: Case, program: Path, tmp_path: Path) -> None:
    version = version_of(program)
    if tuple(map(int, version.split("."))) < case.since:
        pytest.skip(f"vLLM {version} has no such process")
    with serving(case, program, tmp_path) as served:
        status, answer = chat(case, served)
        [model] = served.ask("/models")[1]["models"]
        why = " ".join(told(tmp_path, "why", "a").split())
    failure = model["failure"]
    print(version, case.name, failure["name"], failure["places"], failure["said"], sep="\n  ")
    assert status == 503, answer
    assert failure["name"] in case.meanings, failure
    for text in (failure["meaning"], failure["remedy"]):
        assert text in answer["error"]["message"]
        assert text in why
    place = f"models.toml:{position(tmp_path / 'models.toml', case.key)} ({case.key})"
    assert f"where: {place}" in why


def told(folder: Path, *arguments: str) -> str:
    """Return what a command of modelgen prints in a folder."""
    command = [sys.executable, "-m", "modelgen", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def position(file: Path, key: str) -> str:
    """Return line and column of the value that a key has in a file with one key a line."""
    table, _, name = key.rpartition(".")
    at = ""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.startswith("["):
            at = line.strip("[]")
        elif at == table and line.startswith(f"{name} = "):
            return f"{number}:{len(name) + 4}"
    pytest.fail(f"{key} is not written in {file}")
