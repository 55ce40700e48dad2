"""What modelgen writes is what Compose reads. This needs Compose alone, no Docker Engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from docker_cli import run

from compiling import REPOSITORY, build, complete

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]

SNAPSHOTS = sorted((REPOSITORY / "tests" / "snapshot").rglob("*.yml"))
FILES = [REPOSITORY / "build" / "docker-compose.yml", *SNAPSHOTS]

# Each of them is something else to YAML, to Compose, to a shell, or to Jinja.
NASTY = (
    *("$HOME", "${HOME}", "${X:-y}", "${X?}", "$$", "$$$HOME", "$", "100$", "$(id)", "`id`", "{{ x }}", "{% raw %}"),
    *("it's", 'a "word"', "both ' and \"", "back\\slash", "\\n", "two\nlines", "end\n", "\n", "tab\there", "\r\n"),
    *("# none", "a # b", "a: b", "a:", ": ", "- item", "-", "--", "-1", "|", ">", "? x", "<<", "*a", "&a", "!t", "%d"),
    *("@x", "[a]", "{a: b}", "a, b", "yes", "null", "~", "1e3", "0x1F", "017", "22:22", "2001-01-01", ".inf", "="),
    *(" padded ", "ünïcödé", "模型", "🦙", "\x85", "\u2028", "\ufeff", "\u00a0", "\x7f"),
)


def config(compose: Sequence[str], file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run([*compose, "--file", file, *options], check=False)


def profiles(file: Path) -> list[str]:
    services = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["services"]
    return sorted({profile for service in services.values() for profile in service.get("profiles", ())})


@pytest.mark.parametrize(
    "service",
    [
        {"image": "x", "entrypint": ["y"]},
        {"image": "x", "deploy": {"resources": {"reservations": {"devices": [{"device_ids": [0]}]}}}},
    ],
    ids=["unknown key", "number for a string"],
)
def test_checker_refuses_what_is_wrong(compose: list[str], tmp_path: Path, service: dict[str, Any]) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(json.dumps({"services": {"wrong": service}}))
    assert config(compose, file, "config", "--quiet").returncode != 0


def test_there_are_snapshots() -> None:
    assert len(SNAPSHOTS) >= 5


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_compose_accepts_the_file_with_every_profile(compose: list[str], file: Path) -> None:
    assert profiles(file)
    for chosen in ([], *([profile] for profile in profiles(file)), ["*"]):
        done = config(compose, file, *_options(chosen), "config", "--quiet")
        assert (done.returncode, done.stderr) == (0, ""), chosen


def test_every_string_arrives_as_it_was_written(compose: list[str], tmp_path: Path) -> None:
    variables = {f"V{number}": text for number, text in enumerate(NASTY)}
    toml = f"""
    [models.strings]
    repo = "a/b"
    args = {{ max-model-len = 4096, hf-overrides = {_toml(variables)} }}
    env = {_toml(variables)}
    compose.labels = {_toml(variables)}

    [models.program]
    engine = "command"
    image = "x:1"
    command = {_toml(["program", *NASTY])}
    """
    file = tmp_path / "docker-compose.yml"
    file.write_text(build(complete(toml))["docker-compose.yml"])
    services = _undoubled(json.loads(config(compose, file, "--profile", "*", "config", "--format", "json").stdout))
    strings, program = services["services"]["vllm-strings"], services["services"]["command-program"]
    assert strings["environment"].items() >= variables.items()
    assert strings["labels"].items() >= variables.items()
    assert json.loads(strings["command"][strings["command"].index("--hf-overrides") + 1]) == variables
    assert [*program["entrypoint"], *program["command"]] == ["program", *NASTY]


def _options(chosen: Iterable[str]) -> list[str]:
    return [part for profile in chosen for part in ("--profile", profile)]


def _toml(value: object) -> str:
    """JSON, which is TOML save for mappings and DEL."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _undoubled(value: Any) -> Any:  # noqa: ANN401 - JSON
    """`config` prints a Compose file again, in which every `$` is doubled."""
    if isinstance(value, dict):
        return {name: _undoubled(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_undoubled(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value
