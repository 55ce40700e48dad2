"""`modelgen remove`: a model leaves models.toml, its profiles and models.lock; all else stays byte for byte."""

from __future__ import annotations

import signal
import tomllib
from typing import TYPE_CHECKING

import pytest

from compiling import complete, modelgen
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from hub_double import Hub

FILES: dict[str, bytes | Path] = {
    "config.json": b'{"model_type": "qwen3", "max_position_embeddings": 8192}',
    "model.safetensors": safetensors(a=("BF16", 400)),
}
TWO = (
    model("one", "org/one", 'loras = { sql = "org/lora" }')
    + model("two", "org/two", 'image = "vllm/vllm-openai:v0.10.2"')
    + '[profiles.both]\nmodels = ["one", "two"]\n[profiles.two]\nmodels = ["two"]\ndefault = true\n'
)


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    """A project with two locked models; one has an adapter."""
    for name in ("one", "two"):
        hub.add(f"org/{name}", FILES)
    lora = {"adapter_config.json": b'{"peft_type": "LORA", "r": 8}', "adapter_model.safetensors": safetensors()}
    hub.add("org/lora", lora)
    project = Project(tmp_path, hub, TWO)
    project.lock()
    return project


def remove(project: Project, name: str, code: int = 0) -> str:
    done = modelgen("remove", name, cwd=project.folder, env=project.environment)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    return done.stderr


def run(project: Project, *args: str) -> subprocess.CompletedProcess[str]:
    return modelgen(*args, cwd=project.folder, env=project.environment)


def test_a_model_leaves_the_file_its_profiles_and_the_lock(project: Project) -> None:
    assert run(project, "fetch").returncode == 0
    err = remove(project, "two")
    for text in (
        "removed [models.two] from models.toml\n",
        "removed it from the profile `both`\n",
        "removed the profile `two`, which had no other model\n",
        "no profile is loaded at start now: write `default = true`",
        "of org/two stay in the hub directory; to free them, run `modelgen fetch && modelgen up && modelgen prune`\n",
        "next: modelgen up\n",
    ):
        assert text in err
    tables = tomllib.loads((project.folder / "models.toml").read_text())
    assert [*tables["models"]] == ["one"]
    assert tables["profiles"] == {"both": {"models": ["one"]}}
    assert {entry.repo for entry in project.read().snapshots} == {"org/one", "org/lora"}
    assert [image.reference for image in project.read().images] == ["vllm/vllm-openai:v0.11.0"]
    assert run(project, "lock", "--check").returncode == 0
    before = project.path.read_bytes()
    assert "nothing has changed" in run(project, "lock").stderr
    assert project.path.read_bytes() == before
    for command in ("fetch", "build"):
        assert run(project, command).returncode == 0
    pruned = run(project, "prune", "--yes")
    assert pruned.returncode == 0, pruned.stderr
    assert {path.name for path in project.hub_folder.glob("models--*")} == {"models--org--one", "models--org--lora"}


def test_weights_that_another_model_uses_stay_locked(project: Project) -> None:
    project.write(TWO.replace("org/two", "org/one"))
    project.lock()
    assert "stay in the hub directory" not in remove(project, "two")
    assert project.entry("org/one").models == ["one"]
    assert run(project, "lock", "--check").returncode == 0


def test_the_last_model_can_go(project: Project) -> None:
    remove(project, "two")
    remove(project, "one")
    assert {"models", "profiles"}.isdisjoint(tomllib.loads((project.folder / "models.toml").read_text()))
    assert (project.read().snapshots, project.read().images) == ([], [])
    assert run(project, "build").returncode == 0


REST = complete("").lstrip()
A = '[models.a]\nrepo = "org/a"\nargs = { max-model-len = 8 }\n'
B = '[models.b]\nrepo = "org/b"\nargs = { max-model-len = 8 }\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{REST}\n{A}\n{B}", f"{REST}\n{A}"),
        (f"{REST}\n{B}\n{A}", f"{REST}\n{A}"),
        (f"{B}\n{A}\n{REST}", f"{A}\n{REST}"),
        (f"{A}{B}{REST}", f"{A}{REST}"),
        # Comments: those right above, inside, and right below before a blank line.
        (f"{A}\n# About b.\n# More.\n{B}# later = 1\n\n{REST}", f"{A}\n{REST}"),
        (f"{A}# a\n\n# Apart.\n\n{B}# The rest.\n{REST}", f"{A}# a\n\n# Apart.\n\n# The rest.\n{REST}"),
        # Tables below it, wherever they are.
        (f"{B}[models.b.env]\nX = '1'\n{A}\n[models.b.compose]\nlabels = ['x']\n\n{REST}", f"{A}\n{REST}"),
        (f'{A}\n[models."b"] # quoted\nrepo = """\norg/b"""\nargs.max-model-len = 8\n\n{REST}', f"{A}\n{REST}"),
        # Lists of profiles.
        (
            f'{A}{B}[profiles.x]\nmodels = [\n  "b", # second\n  "a", # first\n]\n{REST}',
            f'{A}[profiles.x]\nmodels = [\n  "a", # first\n]\n{REST}',
        ),
        (f'{A}{B}[profiles]\nx.models = ["a", "b"] # both\n{REST}', f'{A}[profiles]\nx.models = ["a"] # both\n{REST}'),
        (f"{A}{B.rstrip()}", A),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_all_else_stays_byte_for_byte(tmp_path: Path, before: str, after: str, end: str, mark: str) -> None:
    path = tmp_path / "models.toml"
    rest = "" if REST in before else REST
    path.write_bytes((mark + (rest + before).replace("\n", end)).encode())
    path.chmod(0o640)
    done = modelgen("remove", "b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().decode() == mark + (rest + after).replace("\n", end)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    "models",
    [
        'models = { a = { repo = "org/a" }, b = { repo = "org/b" } }\n',
        'models.a.repo = "org/a"\nmodels.b.repo = "org/b"\n',
    ],
)
def test_what_is_not_a_table_of_its_own_is_left_to_the_user(tmp_path: Path, models: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(models + REST)
    done = modelgen("remove", "b", cwd=tmp_path)
    assert done.returncode == 1
    assert "`b` is written in a way that cannot be removed alone; remove its table by hand" in done.stderr
    assert path.read_text() == models + REST


def test_a_model_with_errors_can_be_removed(project: Project) -> None:
    path = project.folder / "models.toml"
    path.write_text(path.read_text().replace('repo = "org/two"', 'repo = "/org/two"\ngpus = ["none"]'))
    remove(project, "two")
    assert run(project, "validate").returncode == 0
    assert run(project, "lock", "--check").returncode == 0


def test_errors_of_others_leave_the_lock_as_it_is(project: Project) -> None:
    path, lock = project.folder / "models.toml", project.path.read_bytes()
    path.write_text(path.read_text().replace('repo = "org/one"', 'repo = "/org/one"'))
    err = remove(project, "two")
    assert "models.toml has errors, so models.lock is unchanged; fix them, then run `modelgen lock`" in err
    assert '[models."two"]' not in path.read_text()
    assert project.path.read_bytes() == lock


def test_weights_that_were_never_downloaded_take_no_room(project: Project) -> None:
    assert "stay in the hub directory" not in remove(project, "two")


def test_an_engine_without_models_is_named(project: Project) -> None:
    assert "no model uses" not in remove(project, "two")
    assert "modelgen: no model uses [engines.vllm] now\n" in remove(project, "one")


def test_a_repository_id_names_the_model(project: Project) -> None:
    remove(project, "org/two")
    assert '[models."two"]' not in (project.folder / "models.toml").read_text()


def test_an_unknown_model_and_a_file_that_is_not_toml(project: Project) -> None:
    assert "models.toml has no model `tow`: did you mean `two`?" in remove(project, "tow", code=2)
    (project.folder / "models.toml").write_text("[")
    assert "models.toml cannot be read; run `modelgen validate`" in remove(project, "two", code=1)


KILLED = """
import os, signal, sys
calls, last = 0, int(sys.argv.pop(1))
def hook(event, args):
    global calls
    if event in ("os.rename", "os.remove") and "models." in str(args[0]):
        calls += 1
        if calls > last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
"""


def test_a_kill_at_any_moment_leaves_a_project_that_builds(project: Project) -> None:
    path = project.folder / "models.toml"
    old, seen = path.read_bytes(), set()
    for last in range(20):
        done = modelgen(str(last), "remove", "two", cwd=project.folder, env=project.environment, before=KILLED)
        built = run(project, "build")
        assert built.returncode == 0, built.stderr
        assert "warning" not in built.stderr
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        seen.add('[models."two"]' in path.read_text())
        path.write_bytes(old)
    assert seen == {True, False}, "it was killed before and after models.toml was written"
    assert run(project, "lock", "--check").returncode == 0


def test_rm_names_it() -> None:
    from modelgen.cli.familiar import COMMANDS

    assert COMMANDS["rm"] == "run `modelgen remove MODEL`; to stop it only, `modelgen unload MODEL`"
