"""Engines that are not root, some on a read-only system: they write, compile, read the hub and serve all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import as_somebody
import chat
import pytest
from deployment import PREFIX, REPO, Deployment, deployed, tagged
from docker_cli import docker, inspect, logs
from engine_image import REPOSITORY
from hub_cache import write_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

# The first release whose image has an account of its own; the double has it too.
NEWER = "vllm/vllm-openai:v0.22.1"
CACHES = {"FLASHINFER_WORKSPACE_BASE", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "VLLM_CACHE_ROOT"}
TEMPLATE = "{{ messages }}${HOME}\n"
# Three at once, by the names of the services that this machine's overrides know.
SERVICES = ("vllm-text", "vllm-qwen3vl-4b", "vllm-qwen3vl")
ACCOUNTS = {
    "of the image": (NEWER, 'user = "2000:0"', [2000, 0], "/home/vllm"),
    "of the image, read-only": (NEWER, 'user = "2000:0", read_only = true', [2000, 0], "/home/vllm"),
    "a number": (NEWER, 'user = "1000:1000"', [1000, 1000], "/home/engine"),
    "a number, read-only": (NEWER, 'user = "1000:1000", read_only = true', [1000, 1000], "/home/engine"),
    "a number, an older image": ("vllm/vllm-openai:v0.11.0", 'user = "1000:1000"', [1000, 1000], "/home/engine"),
    "a number, a home on the host": (
        NEWER,
        'user = "1000:1000", read_only = true, volumes = ["./home:/home/engine"]',
        *([1000, 1000], "/home/engine"),
    ),
}


@pytest.fixture(scope="module")
def running(
    compose: Sequence[str],
    engine: None,  # noqa: ARG001 - the image's name
    double: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Deployment, str]]]:
    """All accounts, running: the deployment and the service of each."""
    found: dict[str, tuple[Deployment, str]] = {}
    names = [*ACCOUNTS]
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    with (
        tagged(double, NEWER, ours=REPOSITORY),
        deployed(compose, first, toml("accounts-1", names[:3])) as one,
        deployed(compose, second, toml("accounts-2", names[3:])) as other,
    ):
        for deployment, part in ((one, names[:3]), (other, names[3:])):
            write_hub(deployment.hub, REPO)
            template = deployment.folder / "templates" / "own.jinja"
            template.parent.mkdir()
            template.write_text(TEMPLATE)
            template.chmod(0o644)
            home = deployment.folder / "home"
            home.mkdir()
            home.chmod(0o777)  # whoever runs the tests, the container's account is another
            deployment.up_healthy("all")
            found |= {name: (deployment, service) for name, service in zip(part, SERVICES, strict=True)}
        yield found


def toml(project: str, accounts: Sequence[str]) -> str:
    """Return a file with a model for each account."""
    lines = ["[project]", f'name = "{PREFIX}{project}"', 'hub = "./models/hub"', "[profiles]"]
    lines.append(f"all = {{ models = {[f'm{number}' for number in range(len(accounts))]} }}")
    for number, (account, service) in enumerate(zip(accounts, SERVICES, strict=True)):
        image, keys, *_ = ACCOUNTS[account]
        lines += [f"[models.m{number}]", f'service = "{service}"', f'repo = "{REPO}"', f'image = "{image}"']
        lines.append('args = { max-model-len = 4096, chat-template = "./templates/own.jinja" }')
        lines.append(f"compose = {{ {keys} }}")
    return "\n".join(lines)


def ask(running: dict[str, tuple[Deployment, str]], account: str, program: str, *args: str) -> Any:  # noqa: ANN401 - JSON
    deployment, service = running[account]
    command = ["exec", "--interactive", deployment.container(service), "python3", "-", *args]
    return json.loads(docker(*command, stdin=Path(program).read_text()))


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_engine_writes_where_it_must_and_nowhere_else(
    running: dict[str, tuple[Deployment, str]], account: str
) -> None:
    _, keys, who, home = ACCOUNTS[account]
    found = ask(running, account, as_somebody.__file__)
    assert {*found["runs in caches"]} >= CACHES
    assert all(found.pop("runs in caches").values())
    assert found == {
        "who": who,
        "home": home,
        "runs in home": True,
        "models": [f"models--{REPO.replace('/', '--')}"],
        "weights": {"config.json": True, "model.safetensors": True},
        "hub": "EROFS",
        # None of them is root, so it is not theirs to write even where it is not read-only.
        "system": "EROFS" if "read_only" in keys else "EACCES",
    }


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_engine_serves(running: dict[str, tuple[Deployment, str]], account: str) -> None:
    deployment, service = running[account]
    model = f"m{SERVICES.index(service)}"
    answer = ask(running, account, chat.__file__, "http://127.0.0.1:8000", model)
    assert answer["text"] == f"{REPO} heard hello"
    assert inspect(deployment.container(service))["HostConfig"]["CapDrop"] == ["ALL"]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_template_beside_models_toml_is_read(running: dict[str, tuple[Deployment, str]], account: str) -> None:
    deployment, service = running[account]
    assert f"chat template: {TEMPLATE!r}" in logs(deployment.container(service))


def test_the_cache_volume_outlives_the_container(running: dict[str, tuple[Deployment, str]]) -> None:
    deployment, service = running["of the image"]
    mark = "import os, pathlib; mark = pathlib.Path(os.environ['TRITON_CACHE_DIR'], 'mark'); "
    container = deployment.container(service)
    docker("exec", container, "python3", "-c", f"{mark}mark.parent.mkdir(exist_ok=True); mark.touch()")
    deployment.run("--profile", "all", "up", "--detach", "--pull", "never", "--force-recreate", "--wait", service)
    assert docker("exec", container, "python3", "-c", f"{mark}print(mark.exists())") == "True"
