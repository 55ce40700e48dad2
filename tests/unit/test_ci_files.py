"""What others call by name from their CI: the pre-commit hooks and the GitHub action, run as their runners run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiling import REPOSITORY, complete, modelgen

pytestmark = pytest.mark.slow  # starts processes

GOOD = complete('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }')
BAD = complete('[models.qwen]\nrepo = "/a/b"\nargs = { max-model-len = 8 }')
LINE = "services: {{a: {{image: vllm/vllm-openai:v0.30.0, gpus: all, command: [{}]}}}}"
MANIFEST = REPOSITORY / ".pre-commit-hooks.yaml"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text())}
ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the action's scripts are for bash")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stand for the installed `modelgen`: installing takes the network."""
    path = tmp_path / "programs" / "modelgen"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}/compiler" exec "{sys.executable}" -m modelgen "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    (path / "models.toml").write_text(GOOD)
    assert modelgen("build", cwd=path).returncode == 0
    return path


def validate_manifest(path: Path) -> int:
    return subprocess.run([sys.executable, "-m", "pre_commit", "validate-manifest", path], check=False).returncode


def run_hook(name: str, program: Path, project: Path) -> int:
    env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(shlex.split(HOOKS[name]["entry"]), cwd=project, env=env, check=False).returncode


def run_action(program: Path, project: Path, **inputs: str) -> tuple[int, dict[str, str]]:
    """Run the steps after the installation; return the first failure and what each step printed, by its name."""
    given = {name: declared["default"] for name, declared in ACTION["inputs"].items()} | inputs
    values = {f"inputs.{name}": value for name, value in given.items()}
    values["steps.install.outputs.modelgen"] = str(program)
    printed = {}
    script = program.parent / "script.sh"
    for step in STEPS[1:]:
        if "if" in step and not given[step["if"].removeprefix("inputs.").removesuffix(" != ''")]:
            continue
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],  # so does the runner
            cwd=project,
            env=os.environ | {key: EXPRESSION.sub(lambda m: values[m[1]], text) for key, text in step["env"].items()},
            capture_output=True,
            text=True,
            check=False,
        )
        printed[step["name"]] = done.stdout + done.stderr
        if done.returncode:
            return done.returncode, printed
    return 0, printed


def test_pre_commit_takes_the_manifest(tmp_path: Path) -> None:
    bad = tmp_path / "hooks.yaml"
    bad.write_text(MANIFEST.read_text().replace("language: python", "language: pythn"))
    assert validate_manifest(bad) == 1
    assert validate_manifest(MANIFEST) == 0


def test_hooks_run_when_their_files_change() -> None:
    def runs(name: str, *paths: str) -> list[bool]:
        return [bool(re.search(HOOKS[name]["files"], path)) for path in paths]

    paths = ("models.toml", "prod/models.toml", "build/docker-compose.yml", "my-models.toml", "rebuild/x", "README.md")
    assert runs("modelgen-validate", *paths) == [True, True, False, False, False, False]
    assert runs("modelgen-build-check", *paths) == [True, True, True, False, False, False]


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_fail_by_their_exit_code(name: str, program: Path, project: Path) -> None:
    (project / "compose.yml").write_text(LINE.format("Qwen/Qwen3-4B"))
    assert run_hook(name, program, project) == 0
    (project / "models.toml").write_text(BAD)
    (project / "compose.yml").write_text(LINE.format("/nowhere/Qwen3-4B"))
    assert run_hook(name, program, project) == 1


def test_only_the_build_hook_sees_an_old_build(program: Path, project: Path) -> None:
    (project / "models.toml").write_text(GOOD.replace("max-model-len = 8", "max-model-len = 16"))
    assert run_hook("modelgen-validate", program, project) == 0
    assert run_hook("modelgen-build-check", program, project) == 4


def test_no_input_is_run_as_code() -> None:
    assert [step["shell"] for step in STEPS] == ["bash"] * len(STEPS)
    assert not any("${{" in step["run"] for step in STEPS)


def test_every_input_is_used_and_every_variable_read() -> None:
    expressions = {name for step in STEPS for text in step.get("env", {}).values() for name in EXPRESSION.findall(text)}
    assert expressions == {"steps.install.outputs.modelgen", *(f"inputs.{name}" for name in ACTION["inputs"])}
    for step in STEPS:
        for variable in step.get("env", {}):
            assert re.search(rf'"\${variable}"', step["run"]), variable


@needs_bash
def test_the_action_passes_what_is_good(program: Path, project: Path) -> None:
    assert run_action(program, project) == (0, {"Validate": "", "Build and compare": ""})


@needs_bash
@pytest.mark.parametrize(("model", "code", "begin"), [("Qwen/Qwen3-4B", 0, ""), ("/nowhere/Qwen3-4B", 1, "::error ")])
def test_the_action_lints_a_compose_file(program: Path, project: Path, model: str, code: int, begin: str) -> None:
    (project / "mine.yml").write_text(LINE.format(model))
    done, printed = run_action(program, project, lint="mine.yml", config="")
    assert (done, [*printed]) == (code, ["Lint"])
    assert printed["Lint"].startswith(begin)


@needs_bash
def test_the_action_annotates_what_is_bad(program: Path, project: Path) -> None:
    (project / "models.toml").write_text(BAD)
    code, printed = run_action(program, project)
    assert (code, list(printed)) == (1, ["Validate"])
    assert printed["Validate"].startswith("::error file=models.toml,line=2,")


@needs_bash
def test_the_action_tells_an_old_build_from_an_edited_one(program: Path, project: Path) -> None:
    (project / "models.toml").write_text(GOOD.replace("max-model-len = 8", "max-model-len = 16"))
    code, printed = run_action(program, project)
    assert code == 4
    assert "::error title=modelgen build --check::The output is out of date" in printed["Build and compare"]
    (project / "build/docker-compose.yml").write_text("mine")
    code, printed = run_action(program, project)
    assert code == 1
    assert "::error title=modelgen build --check::Files of the output were edited" in printed["Build and compare"]
    assert "build/docker-compose.yml was edited" in printed["Build and compare"]


@needs_bash
@pytest.mark.parametrize(("toml", "code", "levels"), [(GOOD, 0, []), (BAD, 1, ["error"])])
def test_the_action_writes_sarif(program: Path, project: Path, toml: str, code: int, levels: list[str]) -> None:
    (project / "models.toml").write_text(toml)
    done, printed = run_action(program, project, **{"sarif-file": "my findings.sarif"})
    assert done == code
    assert printed["Write SARIF"] == ""
    (run,) = json.loads((project / "my findings.sarif").read_text())["runs"]
    assert [found["level"] for found in run["results"]] == levels


@needs_bash
@pytest.mark.parametrize("sarif", ["", "findings.sarif"])
def test_the_action_says_that_the_file_is_not_there(program: Path, project: Path, sarif: str) -> None:
    code, printed = run_action(program, project, **{"config": "nowhere.toml", "sarif-file": sarif})
    assert code == 3
    assert [text.partition(";")[0] for text in printed.values()] == ["modelgen: there is no nowhere.toml"]


@needs_bash
def test_odd_paths_are_paths(program: Path, project: Path) -> None:
    name = "$(touch oops) `touch oops` '; touch oops #.toml"
    (project / "models.toml").rename(project / name)
    assert modelgen("build", "--config", name, "--out", "my $(touch oops)", cwd=project).returncode == 0
    assert run_action(program, project, config=name, out="my $(touch oops)")[0] == 0
    assert not (project / "oops").exists()
    assert run_action(program, project, config=name, out="another")[0] == 4


def test_the_guide_calls_what_is_there() -> None:
    section = (REPOSITORY / "docs" / "guides" / "review.md").read_text()
    workflow, steps, hooks, plan = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", section, re.DOTALL))
    calls = [
        step for step in [*workflow["jobs"]["models"]["steps"], *steps, *plan] if "modelgen@" in step.get("uses", "")
    ]
    assert len(calls) == 3
    assert {name for call in calls for name in call.get("with", {})} <= set(ACTION["inputs"])
    (repository,) = hooks["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == list(HOOKS)
    title, _, text = section.partition(",title=")[2].partition("\n")[0].partition("::")
    assert f"> **{title}**<br>\n> " + text.replace("`", r"\`").replace("%0A", "<br>\n> ") in section


@needs_bash
def test_the_action_plans_against_another_branch(
    program: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*args: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, *args], cwd=project, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("commit", "--quiet", "--message=first")
    git("remote", "add", "origin", project.as_posix())
    (project / "models.toml").write_text(GOOD.replace("max-model-len = 8", "max-model-len = 16"))
    assert modelgen("build", cwd=project).returncode == 0
    for name in ("RUNNER_TEMP", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path if name == "RUNNER_TEMP" else tmp_path / name))
    code, printed = run_action(program, project, **{"plan-against": "main"})
    assert (code, printed["Plan"]) == (0, "")
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "| `vllm-qwen` | qwen | made anew | `--max-model-len`: 8 → 16" in summary
    path = (tmp_path / "GITHUB_OUTPUT").read_text().strip().removeprefix("plan=")
    assert Path(path).read_text() == summary
    (project / "models.toml").write_text(BAD)
    assert run_action(program, project, **{"plan-against": "main"})[0] == 1
