"""What `modelgen lock` says when the hub cannot or will not answer: a sentence a repository, and nothing is written."""

from __future__ import annotations

import signal
import socket
import socketserver
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from hub_double import Token
from lock_project import Project, model, program, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

GOOD, OTHER = "hf_" + "g" * 34, "hf_" + "o" * 34
FILES: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": safetensors(a=("BF16", 400))}


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    hub.tokens = {GOOD: Token(accepts={"org/*"}), OTHER: Token()}
    hub.add("org/text", FILES)
    return Project(tmp_path, hub, model("text", "org/text"))


def refused(project: Project, *args: str, code: int, **environment: str) -> str:
    before = project.path.read_bytes() if project.path.exists() else None
    done = project.run(*args, **environment)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert (project.path.read_bytes() if project.path.exists() else None) == before
    assert not any(token in done.stderr for token in (GOOD, OTHER))
    assert "Traceback" not in done.stderr
    return done.stderr


def test_all_faults_are_told_in_one_run(project: Project, hub: Hub) -> None:
    hub.add("org/gated", FILES, gated=True)
    hub.add("org/private", FILES, private=True)
    fragment = "".join(
        model(name, f"org/{name}") for name in ("text", "gone", "gated", "private")
    ) + model("tag", "org/text", 'revision = "v9"\nservice = "s"')  # fmt: skip
    project.write(fragment)
    done = project.run()
    told = done.stderr
    assert done.returncode == 1
    assert [entry.repo for entry in project.read().snapshots] == ["org/text"]
    assert "gone: org/gone is not at http" in told
    assert "; the same applies to private: org/private" in told
    assert "or it is private and there is no token; correct the repository's name, or set HF_TOKEN" in told
    assert "gated: org/gated is gated and there is no token; accept its terms at" in told
    assert "tag: org/text has no revision v9; correct `revision` in models.toml" in told
    last = told.splitlines()[-1]
    assert (
        last
        == "modelgen: models.lock was written with the other entries; it has no entries for gone, gated, private, tag"
    )


def test_a_gated_model_is_the_worlds_affair_and_a_token_opens_it(project: Project, hub: Hub) -> None:
    hub.add("org/text", {}, gated=True)
    assert "your token has no access" in refused(project, code=3, HF_TOKEN=OTHER)
    file = project.folder / "token"
    file.write_text(GOOD + "\n")
    assert project.lock("--token-file", str(file), HF_TOKEN=OTHER).snapshots[0].gated
    assert {request.token_sent for request in hub.requests if request.host == "cdn"} == {False}


def test_a_gated_repository_of_which_no_file_is_read(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"notes.txt": b""}, gated=True)
    project.write(program("text", "org/text", 'include = ["notes.txt"]'))
    assert "text: org/text is gated and there is no token" in refused(project, code=3)
    assert project.lock(HF_TOKEN=GOOD).snapshots[0].gated


def test_who_interrupts_it_need_not_wait(project: Project, hub: Hub) -> None:
    hub.faults.api(503, retry_after=60, count=None)
    command = [sys.executable, "-m", "modelgen", "lock"]
    environment = {**project.environment, "PYTHONPATH": str(REPOSITORY / "compiler")}
    with subprocess.Popen(command, cwd=project.folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "trying again in 60.0 s" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "modelgen: interrupted; models.lock is unchanged\n"
        assert process.wait(10) == 130


def test_a_bad_token_is_told(project: Project) -> None:
    wrong = "hf_" + "w" * 34
    told = refused(project, code=3, HF_TOKEN=wrong)
    assert f"text: org/text: the hub {project.hub.endpoint} does not accept your token from HF_TOKEN: " in told
    assert wrong not in told


def test_a_commit_that_is_gone(project: Project, hub: Hub) -> None:
    project.lock()
    commit = hub.add("org/text", {"config.json": b"{ }"})
    project.lock("--upgrade")
    hub.forget("org/text", commit)
    project.write(model("text", "org/text", 'exclude = ["x"]'))
    told = refused(project, code=1)
    assert f"text: org/text has no commit {commit} any more; run `modelgen lock --upgrade text`" in told
    assert project.lock("--upgrade", "text").snapshots[0].commit != commit


@pytest.mark.parametrize(("status", "after"), [(429, 1), (503, None)])
def test_a_busy_hub_is_asked_again(project: Project, hub: Hub, status: int, after: int | None) -> None:
    hub.faults.api(status, path="/api/models/org/text", count=1, retry_after=after)
    hub.faults.status(status, path="*.safetensors", count=1, retry_after=after)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"text: org/text: the hub answers {status}; trying again in ") == 2


def test_a_connection_that_breaks_is_tried_again(project: Project, hub: Hub) -> None:
    hub.faults.reset(20, path="*.safetensors")
    hub.faults.truncate(1, path="*config.json")
    project.lock()
    assert project.entry("org/text").weights == {"BF16": 400}


@pytest.mark.parametrize("path", ["*config.json", "*model.safetensors"])
def test_what_is_damaged_on_the_wire_once_is_read_again(project: Project, hub: Hub, path: str) -> None:
    hub.faults.corrupt(0, path=path)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "arrived damaged; reading it again" in done.stderr
    assert project.entry("org/text").weights == {"BF16": 400}


def test_damage_on_the_wire_that_stays_is_told(project: Project, hub: Hub) -> None:
    hub.faults.corrupt(0, path="*config.json", count=None)
    told = refused(project, code=3)
    assert "text: org/text: config.json arrived damaged twice; " in told
    assert "on the hub" not in told


def test_weights_that_are_damaged_on_the_hub(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"model.safetensors": safetensors(missing=3, a=("BF16", 400))})
    told = refused(project, code=1)
    assert "model.safetensors is damaged on the hub: its header lists 400 bytes of tensors, and it has 397" in told
    assert "and it has 397; choose another `revision`\n" in told


def test_damaged_weights_may_be_excluded_where_others_are_left(project: Project, hub: Hub) -> None:
    damaged: bytes = safetensors(missing=3, a=("BF16", 400))
    hub.add("org/text", {"model.safetensors": damaged, "pytorch_model.bin": b"PK\x03\x04"})
    assert "and it has 397; `exclude` it in models.toml, or choose another" in refused(project, code=1)
    project.write(model("text", "org/text", 'exclude = ["model.safetensors"]'))
    project.lock()


def test_a_config_that_is_no_text(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"config.json": b"\xff\xfe{}"})
    assert "text: org/text has a config.json that is not UTF-8" in refused(project, code=1)


def test_a_name_that_no_windows_host_could_hold(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"what?.json": b""})
    told = refused(project, code=1)
    assert "has a file that not every host can store: 'what?.json'; write `exclude = [\"what[?].json\"]` in" in told
    project.write(model("text", "org/text", 'exclude = ["what[?].json"]'))
    project.lock()


def test_no_network(project: Project) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        told = refused(project, code=3, HF_ENDPOINT=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert "text: org/text: the hub cannot be reached; trying again in" in told
    assert "connection refused" in told


def test_the_environment_forbids_it(project: Project, hub: Hub) -> None:
    told = refused(project, code=3, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in told
    assert "with --offline" in told
    assert hub.requests == []


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    (project.folder / "models.lock.modelgen-new").mkdir()  # where root may write everywhere else
    assert "modelgen: cannot write models.lock: is a directory; make its directory writable" in refused(project, code=3)


SETTINGS = {
    "no address": ({"HF_ENDPOINT": "nonsense"}, "HF_ENDPOINT is `nonsense`, which is not an address"),
    "another scheme": ({"HF_ENDPOINT": "ftp://x"}, "HF_ENDPOINT is `ftp://x`, which is not an address"),
    "no certificates": ({"SSL_CERT_FILE": "/nonexistent"}, "SSL_CERT_FILE is /nonexistent, which does not exist"),
    "no token": ({"HF_TOKEN": "hf_ä" + "b" * 30}, "the token contains an invalid character"),
}


@pytest.mark.parametrize(("environment", "said"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_that_cannot_be_right(project: Project, environment: dict[str, str], said: str) -> None:
    done = project.run(**environment)
    assert done.returncode == 3
    assert said in done.stderr
    assert "b" * 30 not in done.stderr
    assert "trying again" not in done.stderr


def test_an_address_without_tls_is_said_at_once(project: Project) -> None:
    class Plain(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(10)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        done = project.run(HF_ENDPOINT=f"https://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()
    assert done.returncode == 3
    assert "does not speak TLS; write http:" in done.stderr
    assert "trying again" not in done.stderr


def test_an_account_in_an_address_is_not_printed(project: Project, hub: Hub) -> None:
    hub.delete("org/text")
    done = project.run(HF_ENDPOINT=hub.endpoint.replace("://", "://user:pw@"))
    assert done.returncode == 1
    assert f"is not at {hub.endpoint}" in done.stderr
    assert "pw" not in done.stderr
