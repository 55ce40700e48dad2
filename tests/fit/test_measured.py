"""Sizes that an engine printed replace estimates: by `fit --learn-from`, for what they were measured with."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from fit_projects import HEAD, THREE, lock_of, model
from modelgen.lockfile.measured import MeasuredStart, parse_measured, render_measured
from modelgen.pipeline import check_source, compile_source

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.fit.estimate import Estimate

GIB = 2**30
NAME, REPO = THREE[0][:2]
LOCK = lock_of()
LOG = """
(EngineCore pid=1) INFO 09-26 11:02:05 [gpu_model_runner.py:2340] Model loading took 7.5000 GiB and 3.100000 seconds
(EngineCore pid=1) INFO 09-26 11:02:09 [gpu_worker.py:298] Available KV cache memory: 3.00 GiB
(EngineCore pid=1) INFO 09-26 11:02:09 [kv_cache_utils.py:864] GPU KV cache size: 21,840 tokens
"""
TEXT = HEAD + model(NAME, REPO, "12GiB", max_model_len=16384)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models.toml").write_text(TEXT)
    (tmp_path / "models.lock").write_bytes(LOCK)
    (tmp_path / "start.log").write_text(LOG)
    return tmp_path


def learned(project: Path, *args: str, code: int = 0) -> str:
    done = modelgen("fit", *args, cwd=project)
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def estimate(project: Path, text: str = TEXT) -> Estimate:
    measured = project / "models.measured.toml"
    data = measured.read_bytes() if measured.exists() else None
    found = check_source(text.encode(), LOCK, data, targets=("compose",)).fitted
    assert found is not None
    return found.estimates[NAME]


def test_a_log_replaces_the_estimate(project: Path) -> None:
    before = estimate(project)
    assert "text-4b: 3 GiB of KV cache and 7.5 GiB of weights" in learned(project, "--learn-from", "start.log")
    after = estimate(project)
    assert (before.verdict, after.verdict) == ("tight", "fits")
    assert after.room.value == pytest.approx(3 * GIB, abs=2)
    assert after.room.high - after.room.low == pytest.approx(0.2 * GIB, rel=0.01)
    assert after.tokens()[1] == 21_840
    assert {line.source for line in after.lines[1:]} == {"measured"}
    assert "printed by the engine" in learned(project, "--why")
    assert modelgen("validate", cwd=project).stdout.count("MG547") == 0


def test_another_size_is_computed_from_the_measured_one(project: Path) -> None:
    learned(project, "--learn-from", "start.log")
    wider = estimate(project, TEXT.replace("12GiB", "14GiB"))
    assert wider.room.value == pytest.approx(5 * GIB, abs=0.05 * GIB)
    assert wider.lines[2].source == "measured"


@pytest.mark.parametrize(
    ("old", "new"),
    [("v0.11.0", "v0.12.0"), ("max-model-len = 16384", "max-model-len = 16384, max-num-seqs = 8"), ("3090", "4060 Ti")],
)
def test_what_was_measured_counts_only_for_the_same_start(project: Path, old: str, new: str) -> None:
    learned(project, "--learn-from", "start.log")
    changed = TEXT.replace(old, new)
    assert changed != TEXT
    measured = (project / "models.measured.toml").read_bytes()
    found = [check_source(changed.encode(), LOCK, data, targets=("compose",)).fitted for data in (None, measured)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].estimates == found[1].estimates


def test_fit_says_where_a_measured_start_does_not_count(project: Path) -> None:
    learned(project, "--learn-from", "start.log")
    assert "does not count" not in learned(project)
    assert "2.90 to 3.10 GiB" in learned(project)
    assert "2.90 to 3.10 GiB" not in learned(project, "--max-num-seqs", "256")
    (project / "models.toml").write_text(TEXT.replace("v0.11.0", "v0.12.0"))
    assert "models.measured.toml has another commit, release" in learned(project)


def test_a_build_follows_from_the_three_files_alone(project: Path) -> None:
    text = TEXT.replace("max-model-len = 16384", "").replace("12GiB", "auto")
    (project / "models.toml").write_text(text)
    plain = compile_source(text.encode(), LOCK).artifacts
    learned(project, "--learn-from", "start.log")
    assert modelgen("build", cwd=project).returncode == 0
    measured = (project / "models.measured.toml").read_bytes()
    built = compile_source(text.encode(), LOCK, measured).artifacts
    assert built["docker-compose.yml"] == (project / "build/docker-compose.yml").read_bytes()
    assert built != plain


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (b"", "has no line of an engine that started"),
        (b"\xff\x00" * 5000, "has no line of an engine that started"),
        (b"GPU KV cache size: 5 tokens", "the log lacks the line about the weights"),
        (LOG.replace("3.00", "300.00").encode(), "307.5 GiB of weights and KV cache, and `text-4b` reserves at most"),
        (LOG.replace("3.00", "5.00").encode(), "12.5 GiB of weights and KV cache, and `text-4b` reserves at most"),
        (LOG.replace("7.5000", "3.8000").encode(), "3.8 GiB of weights, and `text-4b` has 7.41 GiB to 7.58 GiB"),
        (LOG.replace("7.5000 GiB", "0.1 MiB").encode(), "0.1 MiB of weights, and `text-4b` has"),
    ],
)
def test_other_logs_change_nothing(project: Path, log: bytes, message: str) -> None:
    (project / "start.log").write_bytes(log)
    assert message in learned(project, "--learn-from", "start.log", code=1)
    assert not (project / "models.measured.toml").exists()


ENGINE = f"""\
INFO 09-26 11:02:01 [utils.py:233] non-default args: {{'model': 'x', 'gpu_memory_utilization': 0.5}}
INFO 09-26 11:02:01 [core.py:77] Initializing a V1 LLM engine (v0.11.0) with config: model='{REPO}', \
dtype=torch.bfloat16, max_seq_len=16384, tensor_parallel_size=1, kv_cache_dtype=auto
"""
HALF = TEXT.replace('"12GiB"', "0.5")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(v0.11.0)", "(v0.26.0)", "it has release 0.26.0, and models.toml has 0.11.0"),
        (f"'{REPO}'", "'Qwen/Qwen3-4B-Base'", f"the model Qwen/Qwen3-4B-Base, and models.toml has {REPO}"),
        (f"'{REPO}'", "'/hub/models--a--b/snapshots/x'", "the model /hub/models--a--b/snapshots/x"),
        ("tensor_parallel_size=1", "tensor_parallel_size=2", "tensor_parallel_size=2, and models.toml has 1"),
        (": 0.5}", ": 0.8}", "gpu_memory_utilization 0.8, and models.toml gives 0.5"),
        ("21,840 tokens", "43,680 tokens", "43,680 tokens in 3 GiB of KV cache, and `text-4b` has 21,7"),
    ],
)
def test_the_log_of_another_start_is_refused(project: Path, old: str, new: str, message: str) -> None:
    log = ENGINE + LOG
    assert old in log
    (project / "models.toml").write_text(HALF)
    (project / "start.log").write_text(log.replace(old, new))
    assert message in learned(project, "--learn-from", "start.log", code=1)


def test_a_log_that_names_the_model_may_have_larger_weights(project: Path) -> None:
    """Buffers are counted too: 7.68 GiB for 7.49 GiB of tensors, for example."""
    (project / "models.toml").write_text(HALF)
    (project / "start.log").write_text(ENGINE + LOG.replace("7.5000", "7.6800"))
    assert "7.68 GiB of weights" in learned(project, "--learn-from", "start.log")


def test_a_log_that_is_not_there(project: Path) -> None:
    assert "none.log cannot be read" in learned(project, "--learn-from", "none.log", code=1)


START = MeasuredStart(
    commit="a" * 40, version="0.11.0", flags="ab", memory=24 * GIB, gpus=1, parts=5000, weights=8 * GIB, cache=GIB
)


def test_the_file_is_the_same_whatever_the_order() -> None:
    starts = {"b.c": START, "a": START}
    data = render_measured(starts)
    assert data == render_measured(dict(reversed(starts.items())))
    assert parse_measured(data, "x") == (starts, [])
    assert [*tomllib.loads(data.decode())["models"]] == ["a", "b.c"]


@pytest.mark.parametrize(
    "data",
    [
        b"[models.a]\ncache = -1\n",
        b"format = 2\n",
        b"models = 3\n",
        b"\xff",
        b"x = " + b"[" * 5000,
        b"#" * (2**20 + 1),
        render_measured({"a": START}).replace(b"parts = 5000", b"parts = 0"),
        render_measured({"a": START}).replace(b"gpus = 1", b"gpus = 1\nmore = 2"),
        render_measured({"a": START}).replace(b"parts = 5000", b"parts = 1"),
        render_measured({"a": START}).replace(b"weights = 8589934592", b"weights = 0"),
        render_measured({"a": START}).replace(b"cache = 1073741824", b"cache = 1000000000000"),
    ],
    ids=range(11),
)
def test_a_damaged_file_is_one_finding(data: bytes) -> None:
    found = compile_source(TEXT.encode(), LOCK, data)
    assert [one.code for one in found.diagnostics if one.severity.value == "error"] == ["MG558"]
    assert found.diagnostics[0].span.path == "models.measured.toml"
