"""`modelgen up` as far as it needs no Docker: what has to happen, what is on record, what it says where it cannot."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from compiling import REPOSITORY, modelgen
from fake_docker import FakeDocker
from hub_project import Project
from modelgen.cli.app import cli
from modelgen.cli.up.checks import require_keys
from modelgen.files import InputError, ModelgenError
from modelgen.operate.changes import Changes, Wanted, compare
from modelgen.operate.control import Orchestrator
from modelgen.operate.deployment import Container
from modelgen.operate.docker import explain

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
[project]
name = "demo"
hub = "./hub"

[models.a]
engine = "command"
image = "registry.example/engine:1"
command = ["serve", "{port}"]
"""


def container(service: str, digest: str = "d", image: str = "i:1", model: str = "") -> Container:
    return Container(f"demo-{service}", service, is_running=True, image=image, digest=digest, model=model)


def test_what_is_as_it_ought_to_be_is_left_alone() -> None:
    wanted = {"orchestrator": Wanted("d", "i:1"), "socket-proxy": Wanted("d", "i:1"), "a": Wanted("d", "i:1", "a")}
    found = {name: container(name, model=one.model) for name, one in wanted.items()}
    assert compare(wanted, found).is_empty


def test_each_difference_is_told() -> None:
    wanted = {name: Wanted("d", "i:1", name) for name in ("same", "edited", "retagged", "new")}
    found = {
        "same": container("same", model="same"),
        "edited": container("edited", digest="other", model="edited"),
        "retagged": container("retagged", image="sha256:1234", model="retagged"),
        "gone": container("gone", model="gone"),
        "database": container("database"),  # somebody's own, by an override
    }
    changes = compare(wanted, found)
    assert changes == Changes(("new",), ("edited", "retagged"), (found["gone"],))
    assert changes.made == ("new", "edited", "retagged")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("permission denied while trying to connect to the docker API at unix:///var/run/docker.sock", "no permission"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?", "Docker does not run"),
        ("docker: 'compose' is not a docker command.", "Docker Compose v2 is not installed"),
        (
            "driver failed programming external connectivity on endpoint demo-orchestrator (1234): Error starting "
            "userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
            "127.0.0.1:8080 is in use",
        ),
        ("Bind for 127.0.0.1:8080 failed: port is already allocated", "127.0.0.1:8080 is in use"),
        (
            "OCI runtime create failed: error setting rlimit type 7: operation not permitted",
            "this Docker Engine cannot raise",
        ),
        ("Error response from daemon: something new", "something new"),
        ("", "otherwise"),
    ],
)
def test_what_docker_says_becomes_a_sentence(said: str, means: str) -> None:
    assert explain(said, "otherwise").startswith(means)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "the command `docker` is not installed; install Docker"),
        ("echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1", "Docker does not run; start it"),
        (
            "case $1 in\n"
            "compose) echo \"docker: 'compose' is not a docker command.\" >&2; exit 1 ;;\n"
            """version) echo '{"Server":{"Version":"28.3.2","ApiVersion":"1.51"}}' ;;\nesac""",
            "`docker compose` is not installed; sudo apt-get install docker-compose-plugin",
        ),
    ],
)
def test_a_host_that_cannot_run_it_is_told_in_one_sentence(tmp_path: Path, script: str | None, says: str) -> None:
    (tmp_path / "models.toml").write_text(TOML)
    programs = tmp_path / "bin"
    programs.mkdir()
    if script is not None:
        (programs / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (programs / "docker").chmod(0o755)
    for command in ("up", "down"):
        done = modelgen(command, cwd=tmp_path, env={"PATH": str(programs)})
        assert done.returncode == 3, done.stderr
        [line] = [line for line in done.stderr.splitlines() if line.startswith("modelgen:")]
        if command == "up" or script is not None:
            assert says in line or "there is no build/docker-compose.yml" in line


def test_nothing_is_fetched_for_a_host_without_docker(tmp_path: Path) -> None:
    hub = "http://127.0.0.1:9"  # where nobody answers, for nobody is asked
    project = Project(tmp_path, {"HF_ENDPOINT": hub, "PATH": str(tmp_path), "PYTHONPATH": str(REPOSITORY / "compiler")})
    project.want("a/b", {"config.json": b"{}", "model.safetensors": b"weights"}, "0" * 40)
    done = project.run("up", "--yes")
    assert done.returncode == 3
    assert "the command `docker` is not installed; install Docker" in done.stderr


def test_keys_that_nobody_could_use_are_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.txt"
    monkeypatch.delenv("MODELGEN_KEY", raising=False)

    def told() -> str:
        with pytest.raises(ModelgenError) as error:
            require_keys(path)
        return str(error.value)

    assert "cannot be read: No such file or directory; `modelgen key --role admin` prints" in told()
    path.write_text("admin sha256:1234\n")
    assert "line 1 of" in told()
    path.write_text(f"control sha256:{'0' * 64}\n")
    assert told() == f"line 1 of {path}: the role `control` was renamed; write `admin`"
    path.write_text(f"user sha256:{'0' * 64}\n")
    assert "has no key of role `admin`" in told()
    path.write_text(f"user sha256:{'0' * 64}\nadmin sha256:{'1' * 64}\n")
    path.chmod(0o600)
    if sys.platform != "win32":
        assert f"run `chmod a+r {path}`" in told()
    path.chmod(0o644)
    assert "set MODELGEN_KEY to a key of role `admin`" in told()
    monkeypatch.setenv("MODELGEN_KEY", "mg-1234")
    require_keys(path)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (403, b"<h1>Forbidden</h1>", "is not an orchestrator of modelgen: it answered 403"),
        (404, b'{"error": "nothing here"}', "is not an orchestrator of modelgen: it answered 404"),
        (
            401,
            b'{"type": "urn:modelgen:invalid_api_key", "detail": "no"}',
            "requires a valid key; set MODELGEN_KEY to a key of role",
        ),
        (403, b'{"type": "urn:modelgen:host_not_allowed", "detail": "the Host header names x"}', "names x"),
    ],
)
def test_who_answers_in_the_orchestrators_place_is_told(status: int, body: bytes, says: str) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(ModelgenError) as error:
            Orchestrator(f"http://127.0.0.1:{server.server_port}").ask("GET", "/status")
        thread.join()
    assert says in str(error.value)
    assert ("MODELGEN_KEY" in str(error.value)) is ("invalid_api_key" in body.decode())


def test_up_without_an_orchestrator_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(f"{TOML}\n[orchestrator]\nenabled = false\n")
    done = modelgen("up", cwd=tmp_path, env={"PATH": FakeDocker(tmp_path / "docker").path})
    assert done.returncode == 1, done.stderr
    assert "docker compose --project-directory build --profile" in done.stderr


@pytest.mark.parametrize("command", ["status", "switch a", "logs a", "why a", "hold a", "release a"])
@pytest.mark.parametrize("url", ["foo", "localhost:8080", "http://", "http://a:port", "http://a b", "ftp://a"])
def test_a_url_that_is_no_address_is_a_usage_error(command: str, url: str) -> None:
    done = CliRunner().invoke(cli, [*command.split(), "--url", url])
    assert done.exit_code == 2
    assert f"`{url}` is not an address" in done.output


def test_up_names_the_line_of_an_override_that_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(TOML)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "docker-compose.override.yml").write_text(
        "services:\n  command-a:\n    deploy: !reset null\nbad: [yaml\n"
    )
    done = CliRunner().invoke(cli, ["up", "--yes", "--config", str(tmp_path / "models.toml")])
    assert isinstance(done.exception, InputError)
    assert "docker-compose.override.yml:5:1 is not YAML" in str(done.exception)
