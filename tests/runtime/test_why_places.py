"""`modelgen why` points at the line of models.toml that mends a failure, and at an override that counts instead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from compiling import build, complete, modelgen
from modelgen.cli.control.failure_lines import describe_failure, find_places
from modelgen.cli.control.why import why_command
from modelgen.cli.override_notes import notes_about
from runtime_serving import engine, manifest, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

SAID = "ValueError: To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed"
TOML = """\
[defaults]
args = { enforce-eager = true }

[models.a]
repo = "a/b"

[models.a.args]
max-model-len = 131072

[models."b.c"]
repo = "b/c"
args = { "max_model_len" = 8 }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(complete(TOML))
    return path


def test_why_names_line_and_column_of_the_key(tmp_path: Path, config: Path) -> None:
    broken = engine(
        "a", "--say", SAID, "--exit-at-start", "1", sources={"args.max-model-len": "models.a.args.max-model-len"}
    )
    with serving(tmp_path, manifest(broken)) as served:
        assert served.chat("a")[0] == 503
        why = modelgen("why", "a", "--url", served.url, "--config", config, cwd=tmp_path)
        assert f"  where: {config}:8:17 (models.a.args.max-model-len)\n" in why.stdout, why.stderr
        assert f"  where: {config}:4:1 (models.a.gpu_memory, not set yet)\n" in why.stdout
        why = modelgen("why", "a", "--url", served.url, "--config", config, "--format", "json", cwd=tmp_path)
        [place, _] = json.loads(why.stdout)["failure"]["places"]
        at = {"file": str(config), "line": 8, "column": 17}
        assert place == {"path": "models.a.args.max-model-len", **at, "is_written": True}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("defaults.args.enforce-eager", ":2:26 (defaults.args.enforce-eager)"),
        ('models."b.c".args.max_model_len', ':12:28 (models."b.c".args.max_model_len)'),
        ('models."b.c".args.x', ':12:8 (models."b.c".args.x, not set yet)'),
        ("models.gone.image", " (models.gone.image, not set yet)"),
        ("host.platform", " (host.platform, not set yet)"),
        ("models.]", " (models.], not set yet)"),
        ("x" * 5000, f" ({'x' * 5000}, not set yet)"),
    ],
)
def test_a_path_is_found_or_the_nearest_table(config: Path, path: str, place: str) -> None:
    assert [str(found) for found in find_places(config, [path])] == [f"{config}{place}"]


@pytest.mark.parametrize("data", [None, b"\xff", b"[models.a\nargs = {", b"[" * 50_000])
def test_a_file_that_was_spoilt_since_gives_the_path_alone_or_its_best(config: Path, data: bytes | None) -> None:
    config.unlink()
    if data is not None:
        config.write_bytes(data)
    [place] = find_places(config, ["models.a.args.max-model-len"])
    assert str(place).startswith(f"{config}")
    assert "models.a.args.max-model-len" in str(place)


FAILED = {
    "id": "a",
    "state": "failed",
    "failure": {
        "message": "ended",
        "meaning": "it is too long",
        "said": SAID,
        "remedy": "shorten it",
        "places": ["models.a.args.max-model-len"],
        "in_a_row": 1,
        "retry_after": 0.0,
        "log": [SAID],
    },
}


def test_an_override_that_counts_instead_is_pointed_at(config: Path) -> None:
    out = config.parent / "build"
    out.mkdir()
    (out / "docker-compose.yml").write_text(build(config.read_text())["docker-compose.yml"])
    override = out / "docker-compose.override.yml"
    override.write_text(
        "services:\n  vllm-a:\n    command: [--help]\n  vllm-b-c: {image: x}\n  socket-proxy:\n    privileged: true\n"
    )
    notes = [line for line in describe_failure(FAILED, config, out) if line.startswith("  but: ")]
    assert notes == [
        f"  but: {override}:3:5 replaces `command` of service `vllm-a`",
    ]
    assert not any("but: " in line for line in describe_failure(FAILED, config))


@pytest.mark.parametrize(("places", "count"), [(["models.a.compose.ulimits"], 1), (["models.a.host_memory"], 0)])
def test_an_override_of_another_key_is_named_only_with_the_failure(config: Path, places: list[str], count: int) -> None:
    out = config.parent / "build"
    out.mkdir()
    (out / "docker-compose.yml").write_text(build(config.read_text())["docker-compose.yml"])
    reset = "{ulimits: !reset null}"
    (out / "docker-compose.override.yml").write_text(f"services:\n  vllm-a: {reset}\n  orchestrator: {reset}\n")
    assert len(notes_about("a", out, places)) == count


def test_build_check_and_doctor_warn_of_what_an_override_replaces(config: Path) -> None:
    folder = config.parent
    assert modelgen("build", cwd=folder).returncode == 0
    override = folder / "build" / "docker-compose.override.yml"
    override.write_text("services:\n  vllm-a:\n    shm_size: 1gb\n    environment: {HF_HUB_OFFLINE: '0'}\n")
    checked = modelgen("build", "--check", cwd=folder)
    told = "build/docker-compose.override.yml:4:19 replaces `environment.HF_HUB_OFFLINE` of service `vllm-a`"
    assert f"warning: {told}: the value in models.toml has no effect\n" in checked.stderr
    assert "shm_size" not in checked.stderr
    assert checked.returncode == 0
    found = json.loads(modelgen("doctor", "--format", "json", cwd=folder).stdout)["findings"]
    [finding] = [item for item in found if item["subject"] == "override"]
    assert finding["state"] == "warning"
    assert told in finding["message"]
    override.write_text("services: [")
    broken = modelgen("build", "--check", cwd=folder)
    assert broken.returncode == 0
    assert "warning: build/docker-compose.override.yml:1:12 is not YAML" in broken.stderr


def test_why_says_what_an_engine_said_however_long_the_line_was(tmp_path: Path, config: Path) -> None:
    broken = engine("a", "--say", f"{SAID}. {'x' * 5_000}", "--exit-at-start", "1")
    with serving(tmp_path, manifest(broken)) as served:
        assert served.chat("a")[0] == 503
        why = modelgen("why", "a", "--url", served.url, "--config", config, cwd=tmp_path).stdout
        assert f"\n  output: {SAID}" in why


def pasted(*args: str, text: str) -> str:
    return CliRunner().invoke(why_command, ["-", *args], input=text, standalone_mode=False).stdout


def test_a_pasted_line_needs_no_orchestrator() -> None:
    """Lines of `docker compose logs` begin with the container's name."""
    line = "vllm-1  | RuntimeError: CUDA error: out of memory"
    said = pasted(text=line)
    assert said.startswith("output: RuntimeError: CUDA error: out of memory\nmeaning: GPU memory is full")
    assert "where: gpu_memory" in said
    document = json.loads(pasted("--format", "json", text=line))
    assert document["failure"]["keys"][0] == "gpu_memory"
    assert document["log"] == ["RuntimeError: CUDA error: out of memory"]


def test_a_pasted_line_that_is_not_known() -> None:
    assert pasted(text="hello\n") == "not a known failure\n| hello\n"
