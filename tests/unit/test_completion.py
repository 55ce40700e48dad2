"""Completion in shells, by the protocol that their scripts use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, complete, modelgen
from modelgen.cli.completion import find_rules
from modelgen.cli.configuration.manual import load_rules

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ["text-4b", "text-8b", "vl"]
TOML = complete(
    "".join(f'[models.{name}]\nrepo = "org/{name}"\nargs = {{ max-model-len = 8 }}\n' for name in MODELS)
    + '[models."bad name"]\nrepo = "org/bad"\n[models."a\\nb"]\nrepo = 3\n'
    '[profiles.all]\nmodels = ["vl"]\n[profiles.texts]\nmodels = ["text-4b"]\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models.toml").write_text(TOML)
    (tmp_path / "deep/er").mkdir(parents=True)
    return tmp_path


def completed(folder: Path, line: str) -> list[str]:
    """Return what is offered for the last word of a line."""
    words = line.split(" ")
    env = {"_MODELGEN_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = modelgen(cwd=folder, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return [offered.removeprefix("plain,") for offered in done.stdout.splitlines() if offered]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("modelgen remo", ["remove"]),
        ("modelgen remove ", MODELS),
        ("modelgen logs text", ["text-4b", "text-8b"]),
        ("modelgen logs -n 5 v", ["vl"]),
        ("modelgen fetch text-4b ", ["text-8b", "vl"]),
        ("modelgen lock --upgrade vl text-8b t", ["text-4b"]),
        ("modelgen switch t", ["text-4b", "text-8b"]),
        ("modelgen switch --profile ", ["all", "texts"]),
        ("modelgen add org/x --gpu ", ["gpu0"]),
        ("modelgen build --target ", ["compose"]),
        ("modelgen build --form", ["--format"]),
        ("modelgen validate --format ", ["human", "json", "github", "sarif"]),
        ("modelgen explain mg10", [f"MG10{number}" for number in (1, 2, 3, 4, 5, 6, 9)]),
        ("modelgen explain unpin", ["unpinned-repo"]),
        *(
            (f"modelgen {name} vl", ["vl"])
            for name in ("why", "hold", "release", "load", "unload", "inventory", "verify")
        ),
    ],
)
def test_what_a_line_offers(project: Path, line: str, offered: list[str]) -> None:
    found = completed(project, line)
    assert found == offered if "explain mg" not in line else {*offered} <= {*found}
    if "explain" not in line:
        assert completed(project / "deep/er", line) == offered


def test_the_file_of_the_line_counts(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    assert completed(away, "modelgen logs ") == []
    assert completed(away, f"modelgen logs --config {project} v") == ["vl"]


@pytest.mark.parametrize(
    "data",
    [None, b"[", b"\xff\xfe", b"models = 3", b"[[models]]\na = 1", b"a" * 5_000_000, b"models = " + b"[" * 100_000],
)
def test_a_file_that_cannot_be_read_offers_nothing(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "models.toml").write_bytes(data)
    for line in ("modelgen logs ", "modelgen switch --profile ", "modelgen add x --gpu "):
        assert completed(tmp_path, line) == []


def test_a_folder_that_is_gone_offers_nothing(tmp_path: Path) -> None:
    gone = "import os, pathlib; pathlib.Path('x').mkdir(); os.chdir('x'); os.rmdir('../x')"
    env = {"_MODELGEN_COMPLETE": "bash_complete", "COMP_WORDS": "modelgen logs ", "COMP_CWORD": "2"}
    done = modelgen(cwd=tmp_path, env=env, before=gone)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_the_rules_are_found_without_their_modules() -> None:
    assert find_rules() == {rule.code: rule.name for rule in load_rules()}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes(project: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin/modelgen"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY / "compiler"} exec {sys.executable} -m modelgen "$@"\n')
    program.chmod(0o755)
    script = modelgen(cwd=project, env={"_MODELGEN_COMPLETE": "bash_source"}).stdout
    assert "modelgen" in script
    line = (
        f"PATH={program.parent}:$PATH\n{script}\n"
        "COMP_WORDS=(modelgen logs tex); COMP_CWORD=2\n"
        '_modelgen_completion modelgen; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", line], cwd=project, capture_output=True, text=True, check=False)
    assert done.stdout == "text-4b text-8b\n", done.stderr
