"""`modelgen up`: from nothing to an answer, edits under load, and what it says where it cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from docker_cli import docker, inspect
from running import Running, model, running, until

from compiling import REPOSITORY
from modelgen.lower import DEFAULT_SOCKET_PROXY_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

STREAMING = ("--chunks", "40", "--pace", "0.05")
LONG = ("--chunks", "200", "--pace", "0.05")
A, B = model("a", *STREAMING, gib=8), model("b", *STREAMING, gib=8)


@pytest.fixture
def deployment(double: str, own_wheels: Path, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, "up", double, own_wheels) as found:
        yield found


def test_an_edit_touches_what_it_changes_and_nothing_else(deployment: Running) -> None:
    deployment.write(A, B)
    deployment.up()
    assert [deployment.served.chat(name)[0] for name in ("a", "b")] == [200, 200]
    before = {service: deployment.id(service) for service in ("command-a", "command-b", "orchestrator", "socket-proxy")}
    stream = deployment.stream("a")
    stream.first()
    deployment.write(A, B.replace('"40"', '"41"'))
    deployment.up()
    assert stream.rest().endswith(b"data: [DONE]\n\n")
    after = {service: deployment.id(service) for service in before}
    assert {service for service in before if before[service] != after[service]} == {"command-b"}
    until(lambda: deployment.served.state("b") == "ready")  # it ran before, so it does again


def test_the_socket_proxy_of_an_older_version_is_removed_with_its_network(deployment: Running) -> None:
    deployment.write(A)
    deployment.up()
    old = f"{deployment.project}-gate"
    folder = inspect(deployment.container("orchestrator"))["Config"]["Labels"]["com.docker.compose.project.working_dir"]
    labels = {
        "com.docker.compose.project": deployment.project,
        "com.docker.compose.service": "gate",
        "com.docker.compose.project.working_dir": folder,
    }
    docker("network", "create", "--internal", old)
    flags = [part for name, value in labels.items() for part in ("--label", f"{name}={value}")]
    docker("create", "--name", old, "--network", old, *flags, DEFAULT_SOCKET_PROXY_IMAGE, "haproxy")
    deployment.up()
    assert docker("ps", "--all", "--quiet", "--filter", f"name=^{old}$").strip() == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name=^{old}$").strip() == ""
    assert deployment.served.chat("a")[0] == 200


def test_an_edit_of_a_busy_model_waits_for_its_stream_and_its_requests_wait(deployment: Running) -> None:
    busy = model("a", *LONG, gib=8)  # until `up` has looked around
    deployment.write(busy, B)
    deployment.up()
    assert deployment.served.chat("a")[0] == 200
    stream = deployment.stream("a")
    stream.first()
    deployment.write(busy.replace('"200"', '"40"'), B)
    with ThreadPoolExecutor(3) as pool:
        applied = pool.submit(deployment.up)
        until(lambda: "a: draining" in deployment.orchestrator_log())
        late = pool.submit(deployment.served.chat, "a")
        assert stream.rest().endswith(b"data: [DONE]\n\n")
        applied.result()
        assert late.result()[0] == 200
    assert inspect(deployment.container("command-a"))["Args"].count("40") == 1


def test_models_come_and_go(deployment: Running) -> None:
    deployment.write(A)
    deployment.up()
    own = deployment.id("orchestrator")
    deployment.write(A, B)
    deployment.up()
    assert deployment.served.chat("b")[0] == 200
    deployment.write(A)
    deployment.up()
    assert deployment.served.chat("b")[0] == 404
    assert deployment.id("orchestrator") == own
    assert not docker("ps", "--all", "--quiet", "--filter", f"name=^{deployment.container('command-b')}$")
    deployment.modelgen("down")
    assert not docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={deployment.project}")


def test_another_image_of_the_orchestrator_is_taken_after_draining_all(deployment: Running) -> None:
    deployment.write(A)
    deployment.up()
    assert deployment.served.chat("a")[0] == 200
    own, engine = deployment.id("orchestrator"), deployment.id("command-a")
    stream = deployment.stream("a")
    stream.first()
    docker("tag", "python:3.13-slim-bookworm", "modelgen-e2e/other-base:1")
    path = deployment.folder / "models.toml"
    path.write_text(
        path.read_text().replace("[orchestrator]", '[orchestrator]\nbase_image = "modelgen-e2e/other-base:1"')
    )
    deployment.up()
    assert stream.rest().endswith(b"data: [DONE]\n\n")
    assert deployment.id("orchestrator") != own
    assert deployment.id("command-a") == engine
    until(lambda: deployment.served.state("a") == "ready")


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.2, 1.6])
def test_one_that_was_killed_is_completed_by_the_next(deployment: Running, seconds: float) -> None:
    deployment.write(A, B)
    deployment.up()
    assert [deployment.served.chat(name)[0] for name in ("a", "b")] == [200, 200]
    deployment.write(A.replace('"40"', '"41"'), B)
    command = [sys.executable, "-m", "modelgen", "up", "--yes"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
    with subprocess.Popen(
        command, cwd=deployment.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as killed:
        time.sleep(seconds)  # at some moment; which one it is does not matter
        killed.send_signal(signal.SIGKILL)
    deployment.up()
    assert [deployment.served.chat(name)[0] for name in ("a", "b")] == [200, 200]
    assert inspect(deployment.container("command-a"))["Args"].count("41") == 1
    assert not any(one["held"] for one in deployment.served.ask("/models")[1]["models"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_one_that_ends_while_it_drains_leaves_nothing_held(deployment: Running, number: signal.Signals) -> None:
    busy = model("a", *LONG, gib=8)
    deployment.write(busy, B)
    deployment.up()
    assert deployment.served.chat("b")[0] == 200
    stream = deployment.stream("a")
    stream.first()
    deployment.write(busy.replace('"200"', '"40"'), B)
    command = [sys.executable, "-m", "modelgen", "up", "--yes"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
    with subprocess.Popen(
        command, cwd=deployment.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as ended:
        until(lambda: deployment.served.state("a") == "draining")
        ended.send_signal(number)
        _, errors = ended.communicate(timeout=20)
    assert ended.returncode == (143 if number is signal.SIGTERM else -number)
    if number is signal.SIGTERM:
        assert errors.splitlines()[-1].startswith(
            "modelgen: interrupted; no model is held any more; run `modelgen up` again"
        )
    until(lambda: not any(one["held"] for one in deployment.served.ask("/status")[1]["models"]))
    until(lambda: deployment.served.state("a") == "ready")
    assert stream.rest().endswith(b"data: [DONE]\n\n")
    assert deployment.served.chat("a")[0] == 200


def test_a_second_folder_of_the_same_name_is_refused_and_takes_over(deployment: Running, tmp_path: Path) -> None:
    deployment.write(A)
    deployment.up()
    first = deployment.folder / "build"
    before = deployment.id("command-a")
    other = replace(deployment, folder=tmp_path / "other")
    other.folder.mkdir()
    other.write(A)
    done = other.modelgen("up", check=False)
    assert done.returncode == 1
    assert f"created from {first}, and this is {other.folder / 'build'}" in done.stderr
    assert deployment.served.chat("a")[0] == 200
    other.modelgen("up", "--yes", "--take-over")
    assert other.id("command-a") != before
    assert other.served.chat("a")[0] == 200
    other.modelgen("up", "--yes")
    assert deployment.modelgen("down", check=False).returncode == 1


def test_without_the_orchestrator_an_edit_is_applied_all_the_same(deployment: Running) -> None:
    deployment.write(A)
    deployment.up()
    docker("stop", deployment.container("orchestrator"))
    deployment.write(A.replace('"40"', '"41"'))
    deployment.up()
    assert deployment.served.chat("a")[0] == 200


def test_what_cannot_be_is_said_in_one_sentence(deployment: Running) -> None:
    deployment.write(model("a").replace("[models.a]", '[models.a]\nimage = "registry.invalid/nothing:1"'))
    done = deployment.modelgen("up", "--offline", check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        3,
        "modelgen: the image registry.invalid/nothing:1 is missing, and --offline does not pull it; copy it here with "
        "`docker save` and `docker load`, or set another with `image` of the model `a` or of its engine",
    )
    deployment.write(A)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", deployment.port))
        taken.listen()
        done = deployment.modelgen("up", check=False)
    assert done.returncode == 3
    assert f"modelgen: 127.0.0.1:{deployment.port} is used by " in done.stderr
    assert f"(pid {os.getpid()}); stop it, or set another port in `[orchestrator] listen" in done.stderr
    deployment.up()
    assert deployment.served.chat("a")[0] == 200


def test_what_somebody_edited_is_not_overwritten(deployment: Running) -> None:
    deployment.write(A)
    deployment.up()
    file = deployment.folder / "build" / "docker-compose.yml"
    file.write_text(file.read_text() + "# mine\n")
    deployment.write(A, B)
    done = deployment.modelgen("up", check=False)
    assert done.returncode == 1
    assert "build/docker-compose.yml was edited since modelgen wrote it" in done.stderr
    assert deployment.served.chat("a")[0] == 200


def test_with_keys_only_who_has_one_gets_in(deployment: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment.write(A)
    toml = deployment.folder / "models.toml"
    toml.write_text(toml.read_text().replace("[orchestrator]\n", '[orchestrator]\nkeys_file = "./keys/keys.txt"\n'))
    done = deployment.modelgen("up", check=False)
    assert (done.returncode, "keys/keys.txt cannot be read: No such file" in done.stderr) == (3, True)
    made = [deployment.modelgen("key", "--role", role).stdout.split() for role in ("user", "admin")]
    (deployment.folder / "keys").mkdir()
    (deployment.folder / "keys" / "keys.txt").write_text("".join(f"{words[3]} {words[4]}\n" for words in made))
    done = deployment.modelgen("up", check=False)
    assert (done.returncode, "set MODELGEN_KEY to a key of role `admin`" in done.stderr) == (3, True)
    assert not docker("ps", "--all", "--quiet", "--filter", f"name=^{deployment.project}-")
    data, control = (words[1] for words in made)
    monkeypatch.setenv("MODELGEN_KEY", control)
    deployment.up()
    asked = {"model": "a", "messages": []}
    assert deployment.served.ask("/v1/chat/completions", asked)[0] == 401
    assert deployment.served.ask("/v1/chat/completions", asked, Authorization=f"Bearer {data}")[0] == 200
    assert deployment.served.ask("/switch", {"model_id": "a"}, x_api_key=data)[0] == 403
    toml.write_text(toml.read_text().replace('"40"', '"41"'))
    deployment.up()  # drains, reloads and releases by that key
    assert deployment.served.ask("/switch", {"model_id": "a"}, x_api_key=control)[0] == 200
