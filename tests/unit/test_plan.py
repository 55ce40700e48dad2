"""`modelgen plan`: what a new build means for the containers, and why."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml

from compiling import REPOSITORY, complete, modelgen
from fit_projects import COMMIT, HEAD, THREE, lock_of, model
from modelgen.operate.plan_notes import cache_changes
from modelgen.operate.planned import PROJECT, Difference, plan, plan_files
from modelgen.pipeline import compile_source
from modelgen.targets import compose_readback
from modelgen.targets.readback import RenderingError

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


def test_a_renamed_project_loses_its_compile_cache(project: Path) -> None:
    edit(project, 'name = "demo"', 'name = "demo2"')
    shown = planned(project)
    assert re.search(r"\n {10}volume: demo2-\S+ created in place of demo-\S+\n", shown)
    assert "compile cache: lost, since its volume has another name" in shown
    assert "compile cache: kept" not in shown


def test_the_volume_of_a_new_model_is_created(project: Path) -> None:
    (project / "models.toml").write_text(f"{FILE}\n[models.two]{SECOND}")
    assert re.search(r"change    project\n {10}volume: demo-\S+ created\n", planned(project))
    assert re.search(r"\| `project` \|  \|  \| `volume`: demo-\S+ created \|", planned(project, "--format", "markdown"))


def test_a_new_model_has_tokens_verdict_and_bytes(tmp_path: Path) -> None:
    first, second = (model(name, repo, "11GiB", max_model_len=4096) for name, repo, *_ in THREE[:2])
    (tmp_path / "models.lock").write_bytes(lock_of())
    (tmp_path / "models.toml").write_text(HEAD + first)
    assert modelgen("build", cwd=tmp_path).returncode == 0
    (tmp_path / "models.toml").write_text(HEAD + first + second)
    shown = planned(tmp_path)
    assert "create    vllm-qwen3vl-4b (qwen3vl-4b)\n          files: 8.9 GB in models.lock\n" in shown
    assert re.search(
        r"estimate  qwen3vl-4b: KV cache [\d,]+ \([\d,]+ to [\d,]+\) tokens, (fits|tight|does not fit)\n", shown
    )
    assert "download  8.9 GB: the files of new models in models.lock, without a hub directory\n" in shown
    (tmp_path / "models/hub").mkdir(parents=True)
    assert "download  16.9 GB\n" in planned(tmp_path)


def test_a_change_within_the_error_is_named_so() -> None:
    def manifest(least: int, tokens: int, most: int) -> bytes:
        expected = {"least": least, "tokens": tokens, "most": most, "verdict": "fits"}
        return json.dumps({"models": [{"id": "a", "expected": expected}]}).encode()

    before = manifest(15_760, 19_840, 21_552)
    [drift] = cache_changes(before, manifest(15_700, 19_760, 21_500))
    [real] = cache_changes(before, manifest(22_000, 26_304, 28_000))
    assert (drift.is_within_error, real.is_within_error) == (True, False)


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
    assert "| `vllm-one` | one | made anew | `--max-model-len`: 8192 → 4096<br>compile cache: lost" in shown


DEEP = "services:\n  a:\n    " + "[" * 50_000
DAMAGED = ("services: []", "- x", "services: {a: [", "\x00", DEEP, "services:\n  a:\n")


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_build_has_a_next_step(project: Path, text: str) -> None:
    (project / "build" / "docker-compose.yml").write_text(text)
    done = modelgen("plan", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not as modelgen wrote it; run `modelgen build --force`" in done.stderr


def test_only_what_is_written_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: bytes) -> None:
        raise RenderingError(f"{len(text)} bytes")

    monkeypatch.setattr(compose_readback, "parse_yaml", refuse)
    assert compile_source(FILE.encode(), reads_back=False).artifacts
    with pytest.raises(RenderingError, match="bytes"):
        compile_source(FILE.encode())


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
    assert yaml.load(built[0], Loader=yaml.CSafeLoader) != yaml.load(built[1], Loader=yaml.CSafeLoader)
    assert plan_files(built[0], built[1], "x")[0] != []


def test_the_order_of_flags_is_a_difference() -> None:
    one, other = ({"a": {"command": ["--x", "1", "--y"]}}, {"a": {"command": ["--y", "--x", "1"]}})
    [change] = plan(one, other)
    assert change.differences == (Difference("command", "another order", "['--y', '--x', '1']"),)


def test_comments_change_no_container() -> None:
    built = compile_source(FILE.encode()).artifacts["docker-compose.yml"]
    changes, unchanged = plan_files(built.replace(b"\n    # Reserves", b"\n    # It reserves"), built, "x")
    assert [(change.service, change.kind, change.differences[0].key) for change in changes] == [
        ("vllm-one", "comment", "comment")
    ]
    assert unchanged == 3


def test_two_long_values_are_shown_from_where_they_differ() -> None:
    one, other = ({"a": {"x": "same " * 100 + end}} for end in ("first", "second"))
    [change] = plan(one, other)
    assert change.differences == (Difference("x", "…same same same same first", "…same same same same second"),)


def test_a_release_says_what_changes_with_it(project: Path) -> None:
    edit(project, "max-model-len = 8192", "max-model-len = 8192, swap-space = 4")
    assert modelgen("build", cwd=project).returncode == 0
    edit(project, "v0.11.0", "v0.12.0")
    shown = planned(project)
    assert "          vLLM 0.11.0 → 0.12.0\n" in shown
    assert "          compile cache: lost, since another image compiles anew\n" in shown


def test_a_default_that_changes_is_shown_if_the_file_relies_on_it(project: Path) -> None:
    line = "`async-scheduling` is not written; its default: false → chosen at start"
    edit(project, "v0.11.0", "v0.14.0")
    assert line in planned(project)
    edit(project, "max-model-len = 8192", "max-model-len = 8192, async-scheduling = false")
    assert line not in planned(project)


def test_a_removed_flag_names_what_has_its_place(project: Path) -> None:
    edit(project, "max-model-len = 8192", 'max-model-len = 8192, guided-decoding-backend = "xgrammar"')
    assert modelgen("build", cwd=project).returncode == 0
    edit(project, 'guided-decoding-backend = "xgrammar"', 'structured-outputs-config = { backend = "xgrammar" }')
    edit(project, "v0.11.0", "v0.12.0")
    assert "`guided-decoding-backend` is removed; `structured-outputs-config` has its place" in planned(project)


def test_files_of_another_commit_are_counted_without_a_hub_directory(tmp_path: Path) -> None:
    name, repo = THREE[0][:2]
    (tmp_path / "models.toml").write_text(HEAD + model(name, repo, "12GiB", max_model_len=8192))
    (tmp_path / "models.lock").write_bytes(lock_of())
    assert modelgen("build", cwd=tmp_path).returncode == 0
    other = COMMIT[::-1]
    edit(tmp_path, COMMIT, other)
    (tmp_path / "models.lock").write_bytes(lock_of(commit=other))
    shown = planned(tmp_path)
    assert "files: 8.0 GB in models.lock" in shown
    assert "download  8.0 GB" in shown


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"INFO"', '"DEBUG"', "compile cache: kept"),
        ("8192", "4096", "compile cache: lost, since it was compiled for other max-model-len"),
        ("env = {", 'service = "own"\nenv = {', None),
    ],
)
def test_what_happens_to_compiled_kernels(project: Path, old: str, new: str, line: str | None) -> None:
    edit(project, old, new)
    shown = planned(project)
    assert (line in shown) if line else "compile cache" not in shown


def test_estimates_and_downloads(tmp_path: Path) -> None:
    name, repo = THREE[0][:2]
    (tmp_path / "models.toml").write_text(HEAD + model(name, repo, "12GiB", max_model_len=8192))
    (tmp_path / "models.lock").write_bytes(lock_of())
    assert modelgen("build", cwd=tmp_path).returncode == 0
    edit(tmp_path, "8192", "16384")
    (tmp_path / "models/hub").mkdir(parents=True)
    shown = planned(tmp_path)
    assert "estimate  text-4b: fits → tight\n" in shown
    assert "download  8.0 GB\n" in shown
    edit(tmp_path, "12GiB", "16GiB")
    [one] = json.loads(planned(tmp_path, "--format", "json"))["estimates"]
    assert one["tokens"][1] > one["tokens_before"][1] > 8192
    assert "- text-4b: KV cache " in planned(tmp_path, "--format", "markdown")


CASES = sorted((REPOSITORY / "tests/snapshot/cases").glob("*.toml"))
KEYS = (
    ("cpus = 4", "models"),
    ('host_memory = "9GiB"', "models"),
    ('idle_timeout = "9m"', "models"),
    ("aliases = ['another-name']", "models"),
    ('publish = "127.0.0.1:18999"', "models"),
    ('env = { SOME_VARIABLE = "1" }', "models"),
    ('service = "another-service"', "models"),
    ("compose = { stop_grace_period = '77s', labels = { mine = 'x' } }", "models"),
    ('memory = "9GiB"', "host"),
    ("queue_limit = 7", "orchestrator"),
)


def changed(text: str, line: str, table: str) -> str | None:
    """Return a case with another key in the first table of a kind; None if it has that key already."""
    lines = text.splitlines()
    heads = [at for at, one in enumerate(lines) if one.startswith(f"[{table}")]
    if not heads:
        return None
    end = next((at for at in range(heads[0] + 1, len(lines)) if lines[at].startswith("[")), len(lines))
    key = line.partition(" ")[0]
    if any(one.strip().startswith(key) for one in lines[heads[0] : end]):
        return None
    return "\n".join([*lines[: heads[0] + 1], line, *lines[heads[0] + 1 :], ""])


def leaves(tree: object, path: str = "") -> dict[str, object]:
    """Return the values of a tree by path; lists count as one value, as they do in a plan."""
    if not isinstance(tree, dict):
        return {path: tree}
    inner = [leaves(value, f"{path}.{key}" if path else str(key)) for key, value in tree.items()]
    return {path: {}} | {key: value for one in inner for key, value in one.items()}


# The short loop changes every third case.
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.stem, marks=[pytest.mark.slow] if number % 3 else [])
        for number, case in enumerate(CASES)
    ],
)
def test_every_changed_byte_is_in_the_plan(case: Path) -> None:
    lock = case.with_suffix(".lock")
    text, locked = case.read_text(), lock.read_bytes() if lock.exists() else None
    before = compile_source(text.encode(), locked, reads_back=False).artifacts["docker-compose.yml"]
    for line, table in KEYS:
        other = changed(text, line, table)
        found = compile_source(other.encode(), locked, reads_back=False) if other is not None else None
        if found is None or found.failed:
            continue
        after = found.artifacts["docker-compose.yml"]
        changes = {change.service: change for change in plan_files(before, after, "x")[0]}
        old, new = (yaml.load(data, Loader=yaml.CSafeLoader) for data in (before, after))
        assert (not changes) == (before == after)
        for service in {*old["services"], *new["services"]}:
            pair = old["services"].get(service), new["services"].get(service)
            if None in pair:
                assert changes[service].kind == ("create" if pair[0] is None else "remove")
                continue
            was, now = (leaves(one) for one in pair)
            keys = {path for path in was.keys() | now.keys() if was.get(path) != now.get(path)}
            explained = {one.key for one in changes[service].differences} if service in changes else set()
            for path in keys - {"command", "entrypoint"}:
                assert any(path == key or path.startswith(f"{key}.") for key in explained), (line, path)
            if keys & {"command", "entrypoint"}:
                assert any(key.startswith("--") or key in ("arguments", "command") for key in explained)
        rest = [{key: value for key, value in one.items() if key != "services"} for one in (old, new)]
        assert rest[0] == rest[1] or PROJECT in changes
        comments = [{one.strip() for one in data.splitlines() if one.strip()[:1] == b"#"} for data in (before, after)]
        shown = {one.before or one.after for change in changes.values() for one in change.differences}
        kept = {change.service for change in changes.values() if change.kind in ("recreate", "comment")}
        if len(kept) == len(changes):
            assert all(one[1:].strip().decode() in shown for one in comments[0] - comments[1])
