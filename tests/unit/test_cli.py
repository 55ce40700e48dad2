"""The command line as a user meets it: streams, exit codes, and what a terminal shows."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import jsonschema
import pytest
import yaml

from compiling import REPOSITORY, complete, modelgen, python, start
from modelgen.cli.terminal import width_of

GOOD = complete('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }')
WARNED = GOOD.replace('unpinned-repo = "off"', 'unpinned-repo = "warning"')
BAD = complete('[models.qwen]\nrepo = "/a/b"\nargs = { max-model-len = 8 }')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models.toml").write_text(GOOD)
    return tmp_path


def terminal(*args: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run the command with stderr and stdout on a terminal and return what it shows."""
    master, slave = pty.openpty()
    process = start(*args, cwd=cwd, env={"TERM": "xterm", **(env or {})}, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 30)[0]:
        try:
            data = os.read(master, 4096)
        except OSError:  # Linux answers so when the last writer has left
            break
        if not data:
            break
        shown += data
    os.close(master)
    process.wait(timeout=30)
    return shown.decode().replace("\r\n", "\n")


def test_build_says_what_it_wrote_without_a_terminal(project: Path) -> None:
    done = modelgen("build", cwd=project)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(r"build: \d+ files written\n", done.stderr)
    assert modelgen("build", cwd=project).stderr == "build: up to date\n"
    assert sorted(path.name for path in (project / "build").iterdir()) == [
        ".gitattributes",
        ".modelgen-record.json",
        "docker-compose.yml",
        "orchestrator",
        "socket-proxy",
    ]


def test_build_on_a_terminal_says_what_next(project: Path) -> None:
    shown = terminal("build", cwd=project)
    assert re.search(r"build: \d+ files written", shown)
    assert "there is no hub directory at models/hub" in shown
    assert "next: modelgen up\n" in shown.replace("\r", "")
    (project / "models/hub/models--a--b").mkdir(parents=True)
    again = terminal("build", cwd=project)
    assert "build: up to date" in again
    assert "hub directory" not in again
    (project / "models.toml").write_text(GOOD.replace("max-model-len = 8 ", "max-model-len = 16 "))
    assert "build: 2 files written, 2 changed: docker-compose.yml, orchestrator/config/manifest.json" in terminal(
        "build", cwd=project
    )


@pytest.mark.parametrize(
    ("written", "right", "line"),
    [
        ("./models", "models/hub", "./models/hub"),
        ("./models/", "models/hub", "./models/hub"),
        (".", "models/hub", "./models/hub"),
        ("./cache", "cache/huggingface/hub", "./cache/huggingface/hub"),
        ("./models/hub", "models", "./models"),
        (r".\\models", "models/hub", "./models/hub"),
    ],
)
@pytest.mark.parametrize("command", ["build", "lock", "doctor"])
def test_a_hub_one_level_off_is_seen_without_a_terminal(
    project: Path, command: str, written: str, right: str, line: str
) -> None:
    (project / "models.toml").write_text(GOOD.replace("./models/hub", written))
    (project / right / "models--a--b").mkdir(parents=True)
    done = modelgen(command, cwd=project, env={"HF_HUB_OFFLINE": "1", "PATH": ""})
    said = done.stderr + done.stdout
    assert done.returncode != 0
    assert not (project / "build").exists()
    assert not (project / "models.lock").exists()
    folder = Path(right) if command == "build" else project / right
    assert f"is not the hub directory: the models--… folders are in {folder}" in said
    assert f'write `hub = "{line}"` in [project]' in said


@pytest.mark.parametrize("command", [["validate"], ["build", "--check"]])
def test_the_disk_is_not_looked_at_where_only_the_file_is_judged(project: Path, command: list[str]) -> None:
    (project / "models.toml").write_text(GOOD.replace("./models/hub", "./models"))
    (project / "models/hub/models--a--b").mkdir(parents=True)
    done = modelgen(*command, cwd=project)
    assert "hub directory" not in done.stderr + done.stdout


def test_a_hub_that_is_right_empty_or_new_is_not_moved(project: Path) -> None:
    assert "hub directory" not in modelgen("build", cwd=project).stderr
    (project / "models/hub").mkdir(parents=True)
    assert "hub directory" not in modelgen("build", cwd=project).stderr
    (project / "models/hub/models--a--b").mkdir()
    (project / "models/models--a--b").mkdir()
    assert "hub directory" not in modelgen("build", cwd=project).stderr


@pytest.mark.parametrize(
    ("args", "shown"), [(["validate"], "modelgen: no findings in models.toml\n"), (["build", "--check"], "")]
)
def test_no_hints_where_only_the_file_is_judged(project: Path, args: list[str], shown: str) -> None:
    modelgen("build", cwd=project)
    assert terminal(*args, cwd=project).replace("\r", "") == shown


def test_validate_writes_findings_to_stdout_and_nothing_to_disk(project: Path) -> None:
    (project / "models.toml").write_text(BAD)
    done = modelgen("validate", cwd=project)
    assert done.returncode == 1
    assert done.stdout.startswith("error[MG102 path-as-repo]")
    assert done.stderr == "1 error; `modelgen explain MG102` says more.\n"
    assert [path.name for path in project.iterdir()] == ["models.toml"]


def test_build_writes_findings_to_stderr_and_nothing_to_disk(project: Path) -> None:
    (project / "models.toml").write_text(BAD)
    done = modelgen("build", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "MG102" in done.stderr
    assert not (project / "build").exists()


def test_warnings_do_not_change_the_exit_code(project: Path) -> None:
    (project / "models.toml").write_text(WARNED)
    done = modelgen("build", cwd=project)
    assert done.returncode == 0
    assert "warning[MG101 unpinned-repo]" in done.stderr


def test_the_own_example_is_quiet(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "models.toml", tmp_path)
    done = modelgen("build", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(r"build: \d+ files written\n", done.stderr)
    assert "warning" not in modelgen("validate", cwd=tmp_path).stdout


def test_infos_are_printed_where_they_are_asked_for(project: Path) -> None:
    (project / "models.toml").write_text(GOOD.replace('unpinned-repo = "off"', ""))
    assert "MG101" not in modelgen("build", cwd=project).stderr
    done = modelgen("validate", cwd=project)
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "info[MG101 unpinned-repo]")
    assert json.loads(modelgen("build", "--format", "json", cwd=project).stdout)[0]["severity"] == "info"


def test_machine_formats_are_data(project: Path) -> None:
    (project / "models.toml").write_text(WARNED)
    done = modelgen("build", "--format", "json", cwd=project)
    assert [found["code"] for found in json.loads(done.stdout)] == ["MG101"]
    assert done.stderr == ""
    assert modelgen("validate", "--format", "github", cwd=project).stdout.startswith(
        "::warning file=models.toml,line=2"
    )


def test_colour_only_on_a_terminal(project: Path) -> None:
    (project / "models.toml").write_text(BAD)
    assert "\x1b[1;31m" in terminal("validate", cwd=project)
    assert "\x1b" not in terminal("validate", cwd=project, env={"NO_COLOR": "1"})
    assert "\x1b" not in modelgen("validate", cwd=project).stdout
    assert "\x1b[1;31m" in modelgen("validate", cwd=project, env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b" not in modelgen("validate", cwd=project, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert "\x1b" not in modelgen("validate", "--format", "json", cwd=project, env={"FORCE_COLOR": "1"}).stdout


@pytest.mark.parametrize("command", ["validate", "rules", "--help", "validate --help", "lock --help", "nosuch"])
def test_a_narrow_terminal_cuts_no_word(project: Path, command: str) -> None:
    (project / "models.toml").write_text(BAD)
    shown = {
        columns: terminal(*command.split(), cwd=project, env={"COLUMNS": columns, "NO_COLOR": "1"})
        for columns in ("40", "100")
    }
    too_long = [line for line in shown["40"].splitlines() if len(line) > 40 and len(line.split()) > 1]
    assert [line for line in too_long if not line.startswith("    modelgen ")] == []  # an example is copied
    narrow, wide = (re.findall(r"[\w`][\w`/.…-]*", text) for text in shown.values())
    assert sorted(set(narrow)) == sorted(set(wide))


@pytest.mark.parametrize(
    ("reported", "columns", "width"), [(0, None, 80), (0, "0", 80), (120, "0", 120), (120, "40", 40)]
)
def test_a_terminal_without_a_width_has_80_columns(
    monkeypatch: pytest.MonkeyPatch, reported: int, columns: str | None, width: int
) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 0, reported, 0, 0))
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    with os.fdopen(slave, "w") as stream:
        assert width_of(stream) == width
    os.close(master)


def test_text_of_all_languages_goes_through_a_redirection(project: Path) -> None:
    (project / "models.toml").write_text(BAD.replace("qwen", '"日本"'))
    done = modelgen("validate", cwd=project, env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"})
    assert done.returncode == 1
    assert "日本" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_behind_stdout_is_a_sentence(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "modelgen", "rules"],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert (
        done.stderr
        == "modelgen: cannot write the output: no space left on device; free some space or write it elsewhere\n"
    )


def test_stderr_may_be_closed(project: Path) -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m modelgen build 2>&-",
        shell=True,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
        check=False,
    )
    assert done.returncode == 0


def test_an_empty_path_is_refused(project: Path) -> None:
    assert modelgen("build", "--out", "", cwd=project).returncode == 2
    assert modelgen("build", "--config", "", cwd=project).returncode == 2
    assert [path.name for path in project.iterdir()] == ["models.toml"]


def test_diff_agrees_with_check(project: Path) -> None:
    modelgen("build", cwd=project)
    (project / "build/.modelgen-record.json").unlink()
    assert modelgen("diff", cwd=project).returncode == modelgen("build", "--check", cwd=project).returncode == 4
    modelgen("build", cwd=project)
    (project / "build/docker-compose.yml").write_text("mine")
    edited = modelgen("diff", cwd=project)
    assert edited.returncode == modelgen("build", "--check", cwd=project).returncode == 1
    assert "was edited since modelgen wrote it" in edited.stderr


def test_diff_shows_what_a_build_would_change(project: Path) -> None:
    first = modelgen("diff", cwd=project)
    assert first.returncode == 4
    assert "--- /dev/null\n+++ b/docker-compose.yml\n" in first.stdout
    modelgen("build", cwd=project)
    assert (modelgen("diff", cwd=project).returncode, modelgen("diff", cwd=project).stdout) == (0, "")
    (project / "models.toml").write_text(GOOD.replace("max-model-len = 8", "max-model-len = 16"))
    changed = modelgen("diff", cwd=project)
    assert changed.returncode == 4
    assert '-      - "8"\n+      - "16"\n' in changed.stdout
    assert "\x1b[32m+" in terminal("diff", cwd=project)


def test_paths_go_from_the_output_to_the_file(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def hub(out: str | Path) -> str:
        assert modelgen("build", "--out", out, cwd=project).returncode == 0
        document = yaml.load((project / out / "docker-compose.yml").read_text(), Loader=yaml.CSafeLoader)
        return str(document["services"]["vllm-qwen"]["volumes"][0]["source"])

    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert hub("build") == "../models/hub"
    assert hub("a/b") == "../../models/hub"
    assert hub(".") == "./models/hub"
    assert hub(elsewhere) == f"{project}/models/hub"


def test_build_lies_beside_the_file(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    assert modelgen("build", "--config", project / "models.toml", cwd=away).returncode == 0
    assert (project / "build/docker-compose.yml").is_file()
    assert list(away.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("demo", "demo"),
        ("My Models!", "my-models"),
        ("_x_", "x"),
        ("Ünïcode", "unicode"),
        ("日本", "my-models"),
        ("a" * 70, "a" * 63),
    ],
)
def test_init_names_the_project_by_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    nowhere = {"HF_HUB_CACHE": str(tmp_path / "nowhere")}
    assert modelgen("init", cwd=tmp_path / folder, env=nowhere).returncode == 0
    assert f'\nname = "{name}" ' in (tmp_path / folder / "models.toml").read_text()
    assert modelgen("validate", cwd=tmp_path / folder).stdout == ""


def test_a_build_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert modelgen("init", cwd=tmp_path, env={"HF_HUB_CACHE": str(tmp_path / "nowhere")}).returncode == 0
    done = modelgen("build", "--check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (4, "modelgen: build/ does not exist; run `modelgen build`\n")
    (tmp_path / "build").mkdir()
    done = modelgen("build", "--check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (4, "modelgen: build/ holds no build; run `modelgen build`\n")


def test_init_writes_a_file_that_builds_without_a_finding(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_CACHE": str(tmp_path / "none")}  # a cache of the developer's own would be found
    assert modelgen("init", cwd=tmp_path, env=nowhere).returncode == 0
    done = modelgen("validate", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    again = modelgen("init", cwd=tmp_path)
    assert again.returncode == 3
    assert "exists; edit it" in again.stderr


def test_schema_accepts_the_example_and_refuses_a_typo() -> None:
    import tomllib

    schema = json.loads(modelgen("schema", cwd=REPOSITORY).stdout)
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    for case in [REPOSITORY / "models.toml", *(REPOSITORY / "tests/snapshot/cases").glob("*.toml")]:
        assert list(validator.iter_errors(tomllib.loads(case.read_text()))) == []
    wrong = tomllib.loads(GOOD.replace("repo =", "repoo ="))
    assert [error.validator for error in validator.iter_errors(wrong)] == ["additionalProperties"]
    described = schema["$defs"]["Model"]["properties"]
    assert all("description" in table for table in described.values())
    assert '"null"' not in json.dumps(schema)


def test_explain_and_rules() -> None:
    by_code = modelgen("explain", "mg101", cwd=REPOSITORY)
    assert by_code.stdout.startswith("# MG101 unpinned-repo\n")
    assert modelgen("explain", "unpinned-repo", cwd=REPOSITORY).stdout == by_code.stdout
    unknown = modelgen("explain", "unpined-repo", cwd=REPOSITORY)
    assert unknown.returncode == 2
    assert "did you mean `unpinned-repo`?" in unknown.stderr
    assert "MG101  info   *  unpinned-repo" in modelgen("rules", cwd=REPOSITORY).stdout


def test_a_target_can_be_named_more_than_once(project: Path) -> None:
    done = modelgen("build", "--target", "compose", "--target", "compose", cwd=project)
    assert done.returncode == 0
    assert modelgen("build", "--check", cwd=project).returncode == 0, "compose is the default"
    assert modelgen("diff", "--target", "compose", cwd=project).returncode == 0


def test_an_unknown_target_is_refused_with_the_names_of_all(project: Path) -> None:
    done = modelgen("build", "--target", "quadlet", cwd=project)
    assert done.returncode == 2
    assert "'quadlet' is not 'compose'" in done.stderr


def test_wrong_usage() -> None:
    assert modelgen("build", "--chekc", cwd=REPOSITORY).returncode == 2
    typo = modelgen("biuld", cwd=REPOSITORY)
    assert typo.returncode == 2
    assert "did you mean `build`?" in typo.stderr
    assert modelgen("build", "--check", "--force", cwd=REPOSITORY).returncode == 2


@pytest.mark.parametrize(
    "name",
    ["add", "build", "diff", "doctor", "explain", "hold", "init", "release", "rules", "schema", "validate", "verify"],
)
def test_every_command_has_an_example(name: str) -> None:
    assert "Example:\n    modelgen" in modelgen(name, "--help", cwd=REPOSITORY).stdout


def test_a_bug_of_ours_is_the_only_traceback(project: Path) -> None:
    script = (
        "import sys, modelgen.pipeline as p; sys.argv = ['modelgen', 'build'];"
        "p.lower = lambda *_, **__: 1 / 0\nfrom modelgen.cli import main; main()"
    )
    done = python("-c", script, cwd=project)
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr
    assert "this is a bug in modelgen" in done.stderr


def test_a_file_that_waits_for_its_first_lock_is_valid(tmp_path: Path) -> None:
    """llama.cpp is given a path with the commit, which only `modelgen lock` looks up."""
    model = (
        '[models.small]\nengine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\nrepo = "a/b"\n'
        'file = "m.gguf"\nargs = { ctx-size = 4096 }\n'
    )
    (tmp_path / "models.toml").write_text(complete(model).replace('unpinned-repo = "off"', 'unpinned-repo = "info"'))
    done = modelgen("validate", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("info[")) == (0, 1), done.stdout
    assert "info[MG505 no-snapshot]" in done.stdout
    built = modelgen("build", cwd=tmp_path)
    assert built.returncode == 1
    assert "error[MG505 no-snapshot]" in built.stderr
    assert "= help: run `modelgen lock`" in built.stderr
