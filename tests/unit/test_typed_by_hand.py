"""What fingers type from other tools, and from a folder below models.toml."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from compiling import REPOSITORY, complete, modelgen
from modelgen.cli import app, familiar
from modelgen.cli.app import cli
from modelgen.cli.configuration import hints
from modelgen.cli.control import status
from modelgen.cli.control.remote import require_no_profile
from modelgen.files import InputError, ModelgenError

TOML = complete('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models.toml").write_text(TOML)
    (tmp_path / "docs/deep").mkdir(parents=True)
    return tmp_path


def test_the_file_is_found_from_a_folder_below(project: Path) -> None:
    assert modelgen("build", cwd=project).returncode == 0
    done = modelgen("build", "--check", cwd=project / "docs/deep")
    assert (done.returncode, done.stderr) == (0, "")
    (project / "models.toml").write_text(TOML.replace("a/b", "/a/b"))
    assert "--> ../../models.toml:" in modelgen("validate", cwd=project / "docs/deep").stdout


@pytest.mark.parametrize("end", [".git", "home"])
def test_the_search_ends(project: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if end == "home":
        monkeypatch.setenv("HOME", str(project / "docs"))
        monkeypatch.setenv("USERPROFILE", str(project / "docs"))
    else:
        (project / "docs/.git").mkdir()
    done = modelgen("validate", cwd=project / "docs/deep")
    assert (done.returncode, done.stderr.partition(";")[0]) == (
        3,
        "modelgen: there is no models.toml here or in a folder above",
    )


def test_a_file_that_is_named_is_not_to_be_created(project: Path) -> None:
    for args in (["validate", "nope.toml"], ["status", "--config", "nope.toml"]):
        done = modelgen(*args, cwd=project)
        assert done.stderr == "modelgen: there is no nope.toml; pass the path of a models.toml, or its folder\n"


def test_a_folder_stands_for_its_file(project: Path) -> None:
    for args in (["validate", str(project)], ["validate", "--config", str(project)], ["build", str(project)]):
        assert modelgen(*args, cwd=project / "docs").returncode == 0, args
    assert (project / "build/docker-compose.yml").exists()


def test_a_file_is_passed_once(project: Path) -> None:
    done = modelgen("validate", "models.toml", "--config", "other.toml", cwd=project)
    assert done.returncode == 2
    assert "pass the file once" in done.stderr


@pytest.mark.parametrize("args", [["-h"], ["-V"], ["validate", "-h"], ["logs", "-h"]])
def test_short_options(args: list[str]) -> None:
    done = CliRunner().invoke(cli, args)
    assert done.exit_code == 0
    assert (
        done.output
        == CliRunner().invoke(cli, [{"-h": "--help", "-V": "--version"}.get(arg, arg) for arg in args]).output
    )


@pytest.mark.parametrize("command", familiar.COMMANDS)
def test_a_command_of_another_tool_names_the_right_one(command: str) -> None:
    done = CliRunner().invoke(cli, [command])
    assert done.exit_code == 2
    named = re.findall(r"`modelgen ([a-z]+)", done.output)
    assert set(named) <= set(app.COMMANDS)
    assert named or "--" in done.output


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("prune --all", "no option `--all`"),
        ("fetch --forec", "no option `--forec`"),
        ("fetch --force", "no option `--force`: remove it: intact files stay;"),
        ("up --build", "no option `--build`: remove it: `modelgen up` builds"),
        ("lock -U", "no option `-U`: write `--upgrade`"),
        ("logs qwen -t", "no option `-t`: run `docker logs --timestamps …` with the name"),
        ("--versoin", "no option `--versoin`: did you mean `--version`?"),
        ("--install-completion", "no option `--install-completion`: run `eval"),
        ("explain", "the code of a rule is missing, as in `modelgen explain MG102`;"),
        ("switch", "the name of a model is missing: models.toml has `qwen`"),
        ("key", "the role is missing: write `--role user` or `--role admin`"),
        ("rules MG102", "`MG102` is an argument too many: run `modelgen explain MG102` for one rule"),
        ("up text", "`text` is an argument too many: run `modelgen up`, then `modelgen load text` for one model"),
        ("schema x", "`x` is an argument too many: `modelgen schema --help` shows what it takes"),
        ("fmt", "no command `fmt`: models.toml is TOML"),
        ("build --froce", "no option `--froce`: did you mean `--force`?"),
        ("up --profile both", "no option `--profile`: run `modelgen up`, then `modelgen switch --profile NAME`"),
        ("load --profile both", "no option `--profile`: run `modelgen switch --profile NAME`"),
        ("down -v", "no option `-v`: write `--volumes`"),
        ("up -d", "no option `-d`: remove it: containers always run in the background"),
        ("logs qwen --tail 5", "no option `--tail`: write `--lines`"),
        ("status --json", "no option `--json`: write `--format json`"),
        ("build -f x.toml", "no option `-f`: write `--config`"),
        ("build --dry-run", "no option `--dry-run`: run `modelgen diff`"),
        ("--config x build", "no option `--config` before the command"),
        ("logs", "the name of a model is missing: models.toml has `qwen`"),
        ("fooo", "no command `fooo`: `modelgen --help` lists the commands"),
        ("buidl", "no command `buidl`: did you mean `build`?"),
        ("init --config ./sub", "`--config` names a file that ends in .toml: pass --config sub/models.toml"),
    ],
)
def test_options_and_arguments_by_meaning(project: Path, line: str, message: str) -> None:
    done = modelgen(*line.split(), cwd=project)
    assert done.returncode == 2
    error = done.stderr.partition("Error: ")[2].strip()
    assert error == message or (error.startswith(message) and message[-1] not in "`?")


def test_every_option_that_is_named_exists() -> None:
    for command, hints_ in [
        *familiar.OPTIONS.items(),
        *((name, {"": one}) for name, one in familiar.ARGUMENTS.items()),
    ]:
        assert command in app.COMMANDS
        for hint in hints_.values():
            for name, option in re.findall(r"`(?:modelgen (\w+)[^`]*?)?(--[a-z-]+)?[^`]*`", hint):
                found = cli.get_command(click.Context(cli), name or command)
                assert found is not None
                assert not option or option in {opt for parameter in found.params for opt in parameter.opts}, hint


COMPOSE_OPTIONS = {
    "up": "abort-on-container-exit abort-on-container-failure always-recreate-deps attach attach-dependencies build "
    "detach dry-run exit-code-from force-recreate menu no-attach no-build no-color no-deps no-log-prefix no-recreate "
    "no-start pull quiet-build quiet-pull remove-orphans renew-anon-volumes scale timeout timestamps wait wait-timeout "
    "watch yes",
    "down": "dry-run remove-orphans rmi timeout volumes",
    "logs": "dry-run follow index no-color no-log-prefix since tail timestamps until",
    "status": "all dry-run filter format no-trunc orphans quiet services status",
}
"""The options of `docker compose` up, down, logs and ps (docs.docker.com/reference/cli/docker/compose)."""


@pytest.mark.parametrize("command", COMPOSE_OPTIONS)
def test_every_option_of_compose_is_known_or_answered(command: str) -> None:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    own = {opt for parameter in found.params for opt in parameter.opts}
    options = {f"--{name}" for name in COMPOSE_OPTIONS[command].split()}
    assert options <= own | {*familiar.OPTIONS[command]}
    assert not own & {*familiar.OPTIONS[command]}


def test_help_with_a_command_is_its_help() -> None:
    assert CliRunner().invoke(cli, ["help", "up"]).output == CliRunner().invoke(cli, ["up", "--help"]).output


def test_a_rule_by_its_number(project: Path) -> None:
    assert modelgen("explain", "102", cwd=project).stdout == modelgen("explain", "MG102", cwd=project).stdout != ""


def test_init_into_a_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert modelgen("init", "--config", "sub", cwd=tmp_path).returncode == 0
    assert (tmp_path / "sub/models.toml").is_file()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_above_that_is_closed_ends_nothing() -> None:
    with tempfile.TemporaryDirectory() as top:
        below = Path(top, "closed/below")
        below.mkdir(parents=True)
        below.chmod(0o777)
        script = (
            "import os, sys; from pathlib import Path; from modelgen.cli.options import find_upward\n"
            "os.chdir(sys.argv[1]); os.chmod('..', 0o700); os.setuid(65534); print(find_upward(Path()))"
        )
        command = [sys.executable, "-c", script, str(below)]
        environment = {"PYTHONPATH": str(REPOSITORY / "compiler")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr


def test_the_next_command_is_short_from_a_folder_below(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "docs/deep")
    assert hints.next_up(Path("../../models.toml"), Path("../../build")) == "modelgen up"
    assert hints.next_up(Path("../other.toml"), Path("../build")) == "modelgen up --config ../other.toml"


def test_status_without_a_file_asks_the_default_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[str | None] = []

    def ask_status(_: Path, url: str | None) -> tuple[object, dict[str, object]]:
        asked.append(url)
        if len(asked) == 2:  # nothing answers the first time
            return None, {"project": "x"}
        raise ModelgenError("nothing")

    monkeypatch.setattr(status, "ask_status", ask_status)
    CliRunner().invoke(cli, ["status", "--format", "json"])
    assert asked == ["http://127.0.0.1:8080", None]


def test_a_profile_is_not_a_model(project: Path) -> None:
    (project / "models.toml").write_text(f'{TOML}\n[profiles.night]\nmodels = ["qwen"]\n')
    known = {"models": [{"id": "qwen", "names": ["qwen"]}]}
    with pytest.raises(InputError, match="`night` is a profile: run `modelgen switch --profile night`"):
        require_no_profile(project / "models.toml", known, "night")
    require_no_profile(project / "models.toml", known, "qwen")
