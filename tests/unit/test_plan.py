"""`modelgen plan`: what a new build means for the containers, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from compiling import complete, modelgen
from modelgen.operate.planned import Difference, plan, plan_files
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from pathlib import Path

FILE = complete(
    '[models.one]\nrepo = "a/one"\nrevision = "cdbee75f17c01a7cc42f958dc650907174af0554"\ngpus = ["gpu0"]\n'
    'args = { max-model-len = 8192 }\nenv = { VLLM_LOGGING_LEVEL = "INFO" }\n'
)
SECOND = FILE.partition("[models.one]")[2].partition("[project]")[0].replace("a/one", "a/two")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was built once."""
    (tmp_path / "models.toml").write_text(FILE)
    assert modelgen("build", cwd=tmp_path).returncode == 0
    return tmp_path


def planned(project: Path, *args: str, code: int = 4) -> str:
    done = modelgen("plan", *args, cwd=project)
    assert done.returncode == code, done.stderr
    return done.stdout


def edit(project: Path, old: str, new: str) -> None:
    text = (project / "models.toml").read_text()
    assert old in text
    (project / "models.toml").write_text(text.replace(old, new))


def test_nothing_changes_after_a_build(project: Path) -> None:
    assert planned(project, code=0) == "nothing changes\n"


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("max-model-len = 8192", "max-model-len = 4096", ["--max-model-len: 8192 → 4096"]),
        (
            "max-model-len = 8192",
            "max-model-len = 8192, max-num-seqs = 8, enforce-eager = true",
            ["--max-num-seqs: 8 (new)", "--enforce-eager: on (new)"],
        ),
        ('"INFO"', '"DEBUG"', ["environment.VLLM_LOGGING_LEVEL: INFO → DEBUG"]),
        ("env = {", "cpus = 4\nenv = {", ["cpus: 4 (new)"]),
    ],
)
def test_why_a_container_is_made_anew(project: Path, old: str, new: str, lines: list[str]) -> None:
    edit(project, old, new)
    head, *found, last = planned(project).splitlines()
    assert (head, last) == ("recreate  vllm-one (one)", "unchanged 2 services")
    assert {f"          {line}" for line in lines} <= {*found}


def test_models_come_and_go(project: Path) -> None:
    (project / "models.toml").write_text(f"{FILE}\n[models.two]{SECOND}")
    lines = planned(project).splitlines()
    assert "create    vllm-two (two)" in lines
    assert "reload    orchestrator: it reads its list of models again; running models stay" in lines
    assert modelgen("build", cwd=project).returncode == 0
    (project / "models.toml").write_text(FILE)
    assert planned(project).startswith("remove    vllm-two (two)\n")


def test_a_timeout_is_read_by_the_orchestrator_alone(project: Path) -> None:
    edit(project, "env = {", 'idle_timeout = "10m"\nenv = {')
    lines = planned(project).splitlines()
    assert lines == [
        "reload    orchestrator: it reads its list of models again; running models stay",
        "unchanged 3 services",
    ]


def test_a_renamed_project_is_seen(project: Path) -> None:
    edit(project, 'name = "demo"', 'name = "other"')
    assert "name: demo → other" in planned(project)


def test_before_the_first_build_all_is_created(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(FILE)
    assert planned(tmp_path).splitlines() == [
        "create    orchestrator",
        "create    socket-proxy",
        "create    vllm-one (one)",
    ]


def test_another_build_to_compare_with(project: Path, tmp_path: Path) -> None:
    (project / "build").rename(tmp_path / "main")
    assert planned(project, "--against", str(tmp_path / "main"), code=0) == "nothing changes\n"


def test_formats_for_programs_and_pull_requests(project: Path) -> None:
    edit(project, "8192", "4096")
    found = json.loads(planned(project, "--format", "json"))
    [change] = found["changes"]
    assert (change["service"], change["model"], change["kind"]) == ("vllm-one", "one", "recreate")
    assert change["differences"] == [{"key": "--max-model-len", "before": "8192", "after": "4096"}]
    shown = planned(project, "--format", "markdown")
    assert "| `vllm-one` | one | made anew | `--max-model-len`: 8192 → 4096 |" in shown


DEEP = "services:\n  a:\n    " + "[" * 50_000
DAMAGED = ("services: []", "- x", "services: {a: [", "\x00", DEEP, "services:\n  a:\n")


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_build_has_a_next_step(project: Path, text: str) -> None:
    (project / "build" / "docker-compose.yml").write_text(text)
    done = modelgen("plan", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not as modelgen wrote it; run `modelgen build --force`" in done.stderr


def test_a_file_with_errors_has_no_plan(project: Path) -> None:
    edit(project, 'gpus = ["gpu0"]', 'gpus = ["gpu9"]')
    done = modelgen("plan", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "MG301" in done.stderr


EDITS = (
    ("8192", "4096"),
    ('"INFO"', '"DEBUG"'),
    ('name = "demo"', 'name = "other"'),
    ('hub = "./models/hub"', 'hub = "./hub"'),
    ('device = "0"', 'device = "1"'),
    ("v0.11.0", "v0.11.1"),
    ("env = {", 'publish = "127.0.0.1:8001"\nenv = {'),
    ("env = {", 'service = "own"\nenv = {'),
    ("env = {", "compose = { init = false, shm_size = '9gb' }\nenv = {"),
)


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_every_difference_of_the_file_is_in_the_plan(old: str, new: str) -> None:
    assert old in FILE
    built = [compile_source(text.encode()).artifacts["docker-compose.yml"] for text in (FILE, FILE.replace(old, new))]
    assert plan_files(built[0], built[0], "x") == ([], 3)
    assert yaml.safe_load(built[0]) != yaml.safe_load(built[1])
    assert plan_files(built[0], built[1], "x")[0] != []


def test_the_order_of_flags_is_a_difference() -> None:
    one, other = ({"a": {"command": ["--x", "1", "--y"]}}, {"a": {"command": ["--y", "--x", "1"]}})
    [change] = plan(one, other)
    assert change.differences == (Difference("command", "another order", "['--y', '--x', '1']"),)


def test_comments_change_no_container() -> None:
    built = compile_source(FILE.encode()).artifacts["docker-compose.yml"]
    assert b"\n  # " in built
    assert plan_files(built.replace(b"\n  # ", b"\n  # so "), built, "x") == ([], 3)
