"""Files beside models.toml that arguments name: mounted, renamed, and missed where they are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from compiling import build, complete, modelgen

if TYPE_CHECKING:
    from pathlib import Path


def service(args: str, *, root_from_out: str = "..") -> dict[str, Any]:
    toml = complete(f'[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8, {args} }}')
    document = yaml.load(build(toml, root_from_out=root_from_out)["docker-compose.yml"], Loader=yaml.CSafeLoader)
    found: dict[str, Any] = document["services"]["vllm-qwen"]
    return found


def files(found: dict[str, Any]) -> dict[str, str]:
    mounts = [mount for mount in found["volumes"] if mount["target"].startswith("/modelgen/")]
    assert all(mount["read_only"] and mount["bind"] == {"create_host_path": False} for mount in mounts)
    return {mount["target"]: mount["source"] for mount in mounts}


@pytest.mark.parametrize("written", ["./t/x.jinja", ".\\\\t\\\\x.jinja", "./t/../t/x.jinja"])
def test_a_relative_path_is_mounted_and_renamed(written: str) -> None:
    found = service(f'chat-template = "{written}"')
    assert found["command"][-2:] == ["--chat-template", "/modelgen/chat-template/x.jinja"]
    assert files(found) == {"/modelgen/chat-template/x.jinja": "../t/x.jinja"}


def test_it_holds_from_any_output_directory() -> None:
    assert files(service('chat-template = "../x.jinja"', root_from_out="/srv/models")) == {
        "/modelgen/chat-template/x.jinja": "/srv/x.jinja"
    }


@pytest.mark.parametrize("written", ["/x.jinja", "{{ messages }}", "examples/tool_chat_template_hermes.jinja"])
def test_anything_else_is_left_alone(written: str) -> None:
    found = service(f"chat-template = '{written}'")
    assert found["command"][-1] == written
    assert files(found) == {}


@pytest.mark.parametrize(
    "written", ['{ method = "eagle", model = "./draft" }', """'{"method": "eagle", "model": "./draft"}'"""]
)
def test_a_path_within_json_is_mounted_too(written: str) -> None:
    found = service(f"speculative-config = {written}")
    assert found["command"][-1] == '{"method":"eagle","model":"/modelgen/speculative-config/draft"}'
    assert files(found) == {"/modelgen/speculative-config/draft": "../draft"}


def test_an_adapter_of_sglang_is_mounted() -> None:
    toml = '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.9"\n[models.qwen]\nrepo = "a/b"\nengine = "sglang"\n'
    built = build(complete(f'{toml}args = {{ enable-lora = true, lora-paths = ["sql=./adapters/sql", "x=a/b"] }}'))
    found = yaml.load(built["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]["sglang-qwen"]
    assert found["command"][-3:] == ["--lora-paths", "sql=/modelgen/lora-paths/sql", "x=a/b"]
    assert files(found) == {"/modelgen/lora-paths/sql": "../adapters/sql"}


def test_json_without_a_path_stays_as_it_was_written() -> None:
    assert service("""hf-overrides = '{ "a": 1 }'""")["command"][-1] == '{ "a": 1 }'


def test_two_files_of_one_name_do_not_meet() -> None:
    found = service('hf-overrides = { a = "./one/x", b = ["./two/x", "./one/x"] }')
    assert files(found) == {
        "/modelgen/hf-overrides/x": "../one/x",
        "/modelgen/hf-overrides/2/x": "../two/x",
    }
    assert found["command"][-1] == (
        '{"a":"/modelgen/hf-overrides/x","b":["/modelgen/hf-overrides/2/x","/modelgen/hf-overrides/x"]}'
    )


def test_a_build_says_which_file_is_missing(tmp_path: Path) -> None:
    args = '{ max-model-len = 8, chat-template = "./x.jinja" }'
    (tmp_path / "models.toml").write_text(complete(f'[models.qwen]\nrepo = "a/b"\nargs = {args}'))
    missing = modelgen("build", cwd=tmp_path)
    assert missing.returncode == 0
    assert "x.jinja, which `args` names, does not exist" in missing.stderr
    assert "x.jinja" not in modelgen("validate", cwd=tmp_path).stderr
    assert "x.jinja" not in modelgen("build", "--check", cwd=tmp_path).stderr
    (tmp_path / "x.jinja").touch()
    assert "x.jinja" not in modelgen("build", cwd=tmp_path).stderr
