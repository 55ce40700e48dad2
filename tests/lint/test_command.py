"""`modelgen lint`: what it reads, what it prints, how it exits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from modelgen.cli.app import cli

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

WRONG = """services:
  a:
    image: vllm/vllm-openai:v0.30.0
    command: [Qwen/Qwen3-4B, --swap-space, '4']
    runtime: nvidia
"""
LATEST = WRONG.replace("v0.30.0", "latest")
NO_ENGINE = "services: {a: {image: nginx}, b: {image: postgres}}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["lint", *args], input=text, standalone_mode=False)


def rules(*args: str) -> list[str]:
    return [one["rule"] for one in json.loads(run(*args, "--format", "json").stdout)]


def test_the_file_that_compose_takes(folder: Path) -> None:
    (folder / "compose.yaml").write_text(WRONG)
    found = run()
    assert found.return_value == 1
    assert "error[MG216 unknown-flag]: vLLM 0.30.0 has no flag `swap-space`" in found.stdout
    assert " --> compose.yaml:4:30" in found.stdout
    checked, imported = found.stderr.splitlines()[-2:]
    assert checked == "modelgen: checked 1 of 1 service in compose.yaml"
    assert imported == "`modelgen import compose.yaml` writes a models.toml from it."
    assert run(".").stdout == found.stdout
    (folder / "compose.override.yaml").write_text("services: {a: {image: 'vllm/vllm-openai:v0.17.1'}}")
    assert run().return_value == 0


def test_the_import_of_several_files(folder: Path) -> None:
    for name in ("a.yml", "b c.yml"):
        (folder / name).write_text(WRONG)
    said = run("a.yml", "b c.yml").stderr.splitlines()[-1]
    assert said == "`modelgen import a.yml 'b c.yml'` writes a models.toml from them."


def test_a_quadlet_unit_is_named(folder: Path) -> None:
    (folder / "a.container").write_text("[Container]\nImage=vllm/vllm-openai:v0.30.0\nExec=--model x/y\n")
    found = run("a.container")
    assert found.return_value == 1
    assert "a Quadlet unit of Podman is not read" in found.stdout


def test_stdin() -> None:
    found = run("-", text=WRONG)
    assert found.return_value == 1
    assert " --> -:4:30" in found.stdout


def test_a_variable_comes_from_the_env_file_beside(folder: Path) -> None:
    (folder / "c.yml").write_text(WRONG.replace("v0.30.0", "${TAG}"))
    assert rules("c.yml") == ["unknown-value-of"]
    (folder / ".env").write_text("# the release\nexport TAG='v0.30.0' \n")
    assert rules("c.yml") == ["unknown-flag"]


def test_an_env_file_is_read(folder: Path) -> None:
    text = (
        "services: {a: {image: 'vllm/vllm-openai:v0.30.0', command: [a/b], env_file: e, gpus: all, volumes: ['x:/y']}}"
    )
    (folder / "c.yml").write_text(text)
    assert rules("c.yml") == []
    (folder / "e").write_text("HF_HUB_OFFLINE=1\n")
    assert rules("c.yml") == ["unheld-hub"]


def test_several_files_are_merged(folder: Path) -> None:
    (folder / "a.yml").write_text("services: {a: {image: 'vllm/vllm-openai:v0.30.0', command: [/m/x], gpus: all}}")
    (folder / "b.yml").write_text("services: {a: {volumes: ['./m:/m']}}")
    assert rules("a.yml") == ["unheld-path"]
    assert rules("a.yml", "b.yml") == []
    (folder / "b.yml").write_text("services: {a: {volumes: ['./m:/m'], command: !override [b/c, --such-a-flag]}}")
    found = json.loads(run("a.yml", "b.yml", "--format", "json").stdout)
    assert [(one["rule"], one["path"]) for one in found] == [("unknown-flag", "b.yml")]


def test_a_version_can_be_assumed(folder: Path) -> None:
    (folder / "c.yml").write_text(LATEST)
    assert rules("c.yml") == ["moving-tag"]
    assert rules("c.yml", "--assume-version", "vllm=0.30.0") == ["moving-tag", "unknown-flag"]
    assert rules("c.yml", "--assume-version", "0.17.1") == ["moving-tag"]


def test_the_gpus_can_be_named(folder: Path) -> None:
    text = "services: {a: {image: 'vllm/vllm-openai:v0.30.0', command: [a/b, --kv-cache-dtype, fp8], gpus: all}}"
    (folder / "c.yml").write_text(text)
    assert rules("c.yml") == []
    assert rules("c.yml", "--gpu", "GTX 1080") == ["image-for-other-generation", "attention-for-other-cards"]


HOST = "[host]\ndriver = '575.57.08'\n[gpus.a]\ncard = 'GTX 1080'\ndevice = '0'\n[gpus.b]\ncard = 'L4'\ndevice = '1'\n"


@pytest.mark.parametrize(
    ("gpus", "found"),
    [
        ("gpus: [{device_ids: ['0']}]", ["driver-too-old", "image-for-other-generation", "attention-for-other-cards"]),
        ("gpus: [{device_ids: ['1']}]", ["driver-too-old"]),
        ("gpus: [{count: 1}]", ["driver-too-old", "image-for-other-generation", "attention-for-other-cards"]),
        ("gpus: [{device_ids: ['2']}]", ["gpu-not-on-host"]),
        ("gpus: [{count: 3}]", ["driver-too-old", "image-for-other-generation", "attention-for-other-cards"]),
        ("gpus: all, environment: [CUDA_VISIBLE_DEVICES]", []),
        ("runtime: nvidia", []),
    ],
)
def test_the_host_can_be_described(folder: Path, gpus: str, found: list[str]) -> None:
    image = "image: 'vllm/vllm-openai:v0.20.0', command: [a/b, --kv-cache-dtype, fp8]"
    (folder / "c.yml").write_text(f"services: {{a: {{{image}, {gpus}}}}}")
    (folder / "host.toml").write_text(HOST)
    expected = found + (["gpu-not-on-host"] if "3" in gpus else [])
    assert rules("c.yml") == []
    assert sorted(rules("c.yml", "--host", "host.toml")) == sorted(expected)


def test_what_is_wrong_with_the_host_is_said_at_its_line(folder: Path) -> None:
    (folder / "c.yml").write_text(LATEST)
    (folder / "host.toml").write_text("[gpus.a]\ncard = 'RTX 9999'\ndevice = '0'\n")
    found = json.loads(run("c.yml", "--host", "host.toml", "--format", "json").stdout)
    assert [(one["rule"], one["path"], one["line"]) for one in found] == [
        ("moving-tag", "c.yml", 3),
        ("unknown-card", "host.toml", 2),
    ]
    (folder / "host.toml").write_text("[hots]\ndriver = '1'\n")
    assert run("c.yml", "--host", "host.toml").return_value == 1
    assert rules("c.yml", "--host", "host.toml") == ["unknown-key", "moving-tag"]
    (folder / "host.toml").write_text("[host]\ndriver = '570'\n[destination]\nformat = 1\n")
    assert rules("c.yml", "--host", "host.toml") == ["moving-tag"]


def test_a_rule_can_be_switched_off(folder: Path) -> None:
    (folder / "c.yml").write_text(LATEST)
    assert rules("c.yml", "--rule", "moving-tag=off") == []


ALLOW = "# modelgen: allow unknown-flag"
HEAD = "services:\n  a:\n    image: vllm/vllm-openai:v0.30.0\n    runtime: nvidia\n"
COMMANDS = {
    "on the line": (f"    command: [x/y, --bad] {ALLOW}", []),
    "above it": (f"    {ALLOW}, moving-tag\n    command: [x/y, --bad]", []),
    "above another comment": (f"    {ALLOW}\n    # why\n    command: [x/y, --bad]", []),
    "above an item": (f"    command:\n      - x/y\n      {ALLOW}\n      - --bad\n      - --worse", [9]),
    "above a list": (f"    {ALLOW}\n    command:\n      - x/y\n      - --bad", []),
    "above a list that is not indented": (f"    {ALLOW}\n    command:\n    - x/y\n    - --bad", []),
    "above a folded text": (f"    {ALLOW}\n    command: >-\n      x/y\n\n      --bad", []),
    "on the line of a block": (f"    command: | {ALLOW}\n      x/y\n      --bad", []),
    "above a quoted text": (f'    {ALLOW}\n    command: "x/y\n      --bad"', []),
    "above a text in several lines": (f"    {ALLOW}\n    command: x/y\n      --bad", []),
    "above a flow list": (f"    {ALLOW}\n    command: [\n      x/y,\n      --bad\n    ]", []),
    "on another line": (f"    {ALLOW}\n    ipc: host\n    command: [x/y, --bad]", [7]),
    "above the service": (f"    ipc: host\n    command: x/y --bad\n  {ALLOW}\n  b:\n    image: x", [6]),
    "of another rule": ("    # modelgen: allow moving-tag\n    command: [x/y, --bad]", [6]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_comment_allows_a_finding(folder: Path, name: str) -> None:
    command, expected = COMMANDS[name]
    (folder / "c.yml").write_text(HEAD + command)
    assert [one["line"] for one in json.loads(run("c.yml", "--format", "json").stdout)] == expected


def test_a_comment_allows_a_finding_in_a_continued_line(folder: Path) -> None:
    (folder / "s.sh").write_text(f"{ALLOW}\nvllm serve x/y \\\n  --bad\nvllm serve x/y --bad\n")
    found = json.loads(run("s.sh", "--format", "json").stdout)
    assert [(one["line"], one["severity"]) for one in found] == [(4, "warning")]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (NO_ENGINE, 0, "modelgen: no engine found in 2 services\n"),
        ("x: 1", 1, "modelgen: nothing was checked\n"),
        (
            "services: {a: {image: 'vllm/vllm-openai:v0.30.0', command: [sleep, '1']}, b: {image: nginx}}",
            0,
            "modelgen: checked 0 of 2 services in c.yml; not checked: a (its command is none that starts vLLM), "
            "1 without an engine\n",
        ),
    ],
)
def test_the_last_line(folder: Path, text: str, code: int, line: str) -> None:
    (folder / "c.yml").write_text(text)
    found = run("c.yml")
    assert (found.return_value, found.stderr.splitlines(keepends=True)[-1]) == (code, line)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["nowhere.yml"], "there is no nowhere.yml"),
        (["."], "no Compose file here"),
        (["c.yml", "."], "is a directory"),
        ([], "no Compose file here"),
        (["c.yml", "--rule", "x=off"], "no rule `x`"),
        (["c.yml", "--rule", "moving-tag"], "write `--rule moving-tag=off`"),
        (["c.yml", "--gpu", "RTX 9999"], "none that modelgen knows"),
        (["c.yml", "--assume-version", "vlm=1"], "write it as vllm=0.30.0"),
        (["c.yml", "--host", "empty.toml"], "no table `[host]` and no table `[gpus.NAME]`"),
        (["c.yml", "--host", "empty.toml", "--gpu", "L4"], "pass one of them"),
    ],
)
def test_wrong_usage(folder: Path, args: list[str], reason: str) -> None:
    if args:
        (folder / "c.yml").write_text(NO_ENGINE)
        (folder / "empty.toml").write_text("")
    assert reason in str(run(*args).exception)


SHARED = "services:\n" + "".join(
    f"  {name}: {{image: 'vllm/vllm-openai:v0.30.0', command: [a/b, --gpu-memory-utilization, '0.6'], ONE}}\n"
    for name in "ab"
)


@pytest.mark.parametrize(
    ("one", "found"),
    [
        ("gpus: [{device_ids: ['1']}]", ["shares-over-gpu"]),
        ("runtime: nvidia, environment: {NVIDIA_VISIBLE_DEVICES: '1'}", ["shares-over-gpu"]),
        ("gpus: all, environment: {CUDA_VISIBLE_DEVICES: '1'}", ["shares-over-gpu"]),
        ("runtime: nvidia, environment: {NVIDIA_VISIBLE_DEVICES: all}", []),
        ("runtime: nvidia, environment: {NVIDIA_VISIBLE_DEVICES: '1', CUDA_VISIBLE_DEVICES: '0'}", []),
        ("gpus: [{device_ids: ['1']}], profiles: [NAME]", []),
    ],
)
def test_the_gpus_that_engines_share(folder: Path, one: str, found: list[str]) -> None:
    (folder / "c.yml").write_text(SHARED.replace("ONE", one))
    assert [name for name in rules("c.yml") if name != "gpus-by-count"] == found
