"""Applications beside the models: names of the orchestrator, files that include the built one, and own images."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from compiling import REPOSITORY, build, complete, findings, modelgen
from fake_docker import FakeDocker
from modelgen.operate.deployment import Container, Deployment

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = (REPOSITORY / "docs/guides/applications.md").read_text(encoding="utf-8")
MODEL = '[models.a]\nengine = "command"\nimage = "i:1"\ncommand = ["serve", "{port}"]\n'
BUILT = MODEL + 'build = { context = "./own", dockerfile = "x.Dockerfile", args = { A = "b c" } }\n'


def test_the_orchestrator_has_its_further_names_on_the_networks_of_others() -> None:
    aliases = '[orchestrator]\nnetwork_aliases = ["old-name", "llm.internal"]\n'
    built = build(complete(f"{MODEL}{aliases}"))
    networks = yaml.load(built["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]["orchestrator"]["networks"]
    named = {"aliases": ["old-name", "llm.internal"]}
    assert networks == {"models": named, "edge": named, "socket-proxy": {}}
    manifest = json.loads(built["orchestrator/config/manifest.json"])
    assert manifest["settings"]["allowed_hosts"] == ["old-name", "llm.internal"]


def test_the_further_names_are_added_to_those_of_the_users_networks() -> None:
    own = '[orchestrator.compose]\nnetworks = { proxy = { aliases = ["mine"] } }\n'
    built = build(complete(f'{MODEL}[orchestrator]\nnetwork_aliases = ["old"]\n{own}'))
    networks = yaml.load(built["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]["orchestrator"]["networks"]
    assert networks["proxy"] == {"aliases": ["old", "mine"]}


@pytest.mark.parametrize("alias", ["orchestrator", "socket-proxy", "command-a"])
def test_a_further_name_that_is_a_service(alias: str) -> None:
    found = findings(complete(f'{MODEL}[orchestrator]\nnetwork_aliases = ["{alias}"]\n'))
    assert [one.rule for one in found] == ["taken-network-alias"]


@pytest.mark.parametrize("alias", ["a b", "-a", "", "a/b", "x" * 64])
def test_a_further_name_that_is_no_host_name(alias: str) -> None:
    found = findings(complete(f'{MODEL}[orchestrator]\nnetwork_aliases = ["{alias}"]\n'))
    assert [one.severity for one in found] == ["error"]


def test_the_guides_file_waits_for_the_orchestrator(tmp_path: Path) -> None:
    """Compose reads the example, and finds the orchestrator as `modelgen up` made it: with the same digest."""
    compose = pytest.importorskip("compose").__path__[0] + "/docker-compose"
    toml = complete(MODEL.replace("[models.a]", '[project]\nname = "model-orchestrator"\nhub = "./h"\n[models.a]'))
    (tmp_path / "models.toml").write_text(toml)
    assert modelgen("build", cwd=tmp_path).returncode == 0
    example = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)[0]
    (tmp_path / "compose.yaml").write_text(example)

    def ask(folder: Path, *options: str) -> str:
        return subprocess.run(
            [compose, *options], cwd=folder, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    config = json.loads(ask(tmp_path, "config", "--format", "json"))
    assert config["services"]["chat"]["depends_on"]["orchestrator"]["condition"] == "service_healthy"
    assert "healthcheck" in config["services"]["orchestrator"]
    ours = set(ask(tmp_path / "build", "config", "--hash", "*").splitlines())
    assert ours <= set(ask(tmp_path, "config", "--hash", "*").splitlines())


def test_an_application_in_the_project_does_not_make_it_another_folders(tmp_path: Path) -> None:
    def container(service: str, folder: Path, model: str = "") -> Container:
        return Container(
            f"p-{service}", service, is_running=True, image="i", digest="d", model=model, folder=str(folder)
        )

    other = tmp_path / "other"
    found = {"orchestrator": container("orchestrator", tmp_path), "chat": container("chat", other)}
    assert Deployment(tmp_path, "p").owner(found) is None
    found["a"] = container("a", other, "a")
    assert Deployment(tmp_path, "p").owner(found) == other


def test_an_image_is_built_by_compose_and_never_pulled() -> None:
    service = yaml.load(build(complete(BUILT))["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]["command-a"]
    assert service["image"] == "i:1"
    assert service["build"] == {"context": "../own", "dockerfile": "x.Dockerfile", "args": {"A": "b c"}}
    assert service["pull_policy"] == "never"
    remote = BUILT.replace("./own", "https://github.com/o/r.git#v1:docker")
    service = yaml.load(build(complete(remote))["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]["command-a"]
    assert service["build"]["context"] == "https://github.com/o/r.git#v1:docker"


def test_the_build_of_an_engine_is_for_its_own_image() -> None:
    toml = (
        '[engines.vllm]\nimage = "my/vllm:1"\nversion = "0.11.0"\nbuild = { context = "." }\n'
        '[models.a]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n'
        '[models.b]\nrepo = "a/c"\nimage = "vllm/vllm-openai:v0.11.0"\nargs = { max-model-len = 8 }\n'
    )
    services = yaml.load(build(complete(toml))["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]
    assert services["vllm-a"]["build"] == {"context": ".."}
    assert "build" not in services["vllm-b"]


NAMELESS = 'build = { context = "." }\n'
PLAIN = '[models.a]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n'


@pytest.mark.parametrize(
    ("toml", "rule"),
    [
        (f'[engines.vllm]\nversion = "0.11.0"\n{NAMELESS}{PLAIN}', "missing-image"),
        (f"{PLAIN}{NAMELESS}", "build-without-image"),
    ],
)
def test_a_build_without_a_name(toml: str, rule: str) -> None:
    assert [one.rule for one in findings(complete(toml))] == [rule]


def test_a_built_image_may_have_any_tag() -> None:
    assert findings(complete(BUILT.replace("i:1", "mine:latest"))) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the fake Docker is a shell script")
def test_up_builds_a_missing_image(tmp_path: Path) -> None:
    listen = '[orchestrator]\nlisten = "127.0.0.1:9"\n'
    (tmp_path / "models.toml").write_text(complete(f"{BUILT}{listen}"))
    fake = FakeDocker(tmp_path / "docker")
    fake.lose_images()
    done = modelgen("up", cwd=tmp_path, env={"PATH": fake.path})
    assert done.returncode == 3
    assert "own, the `context` of the `build` of `a`, is not a folder" in done.stderr
    (tmp_path / "own").mkdir()
    fake.fail("build")
    done = modelgen("up", cwd=tmp_path, env={"PATH": fake.path})
    assert fake.done == "build --tag i:1 --file own/x.Dockerfile --build-arg A=b c own\n"
    assert "the image i:1 of `a` cannot be built" in done.stderr
    assert "--offline does not build it" in modelgen("up", "--offline", cwd=tmp_path, env={"PATH": fake.path}).stderr
