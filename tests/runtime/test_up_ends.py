"""How `modelgen up` ends: by itself, by a signal, by a model that does not load. Docker is a script here."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, modelgen, start
from fake_docker import FakeDocker
from modelgen_runtime.manifest import Profile
from runtime_serving import Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen_runtime.manifest import Model

pytestmark = pytest.mark.slow  # starts processes

TOML = """
[project]
name = "demo"
hub = "./hub"

[orchestrator]
listen = "127.0.0.1:{port}"

[rules]
image-without-gpu = "off"
"""
MODEL = """
[models.{id}]
engine = "command"
image = "i:1"
command = ["serve", "{{port}}"]
"""


class Host:
    """A folder with a models.toml, a Docker that is a script, and an orchestrator that is real."""

    def __init__(self, folder: Path, served: Served, *models: str) -> None:
        self.served, self.docker = served, FakeDocker(folder / "docker")
        self.folder = folder / "project"
        self.folder.mkdir()
        self.write(*models)
        self.show(edited="")

    def write(self, *models: str) -> None:
        self.models = models
        tables = "".join(MODEL.format(id=name) for name in models)
        (self.folder / "models.toml").write_text(TOML.format(port=self.served.port) + tables)

    def show(self, *, edited: str, build: Path | None = None) -> None:
        self.docker.show(build or self.folder / "build", self.served.port, *self.models, edited=edited)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": self.docker.path, "PYTHONPATH": str(REPOSITORY / "compiler")}

    def up(self, *options: str) -> subprocess.CompletedProcess[str]:
        return modelgen("up", *options, cwd=self.folder, env=self.environment)

    def spawn(self, *options: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return start("up", *options, cwd=self.folder, env=self.environment, stderr=stderr)


def gated(id_: str, file: Path, *says: str) -> Model:
    """Return a model whose engine prints something, and starts once a file is there."""
    model = engine(id_)
    assert model.process is not None
    wait = "".join(f"echo '{text}'; " for text in says) + 'until [ -e "$0" ]; do sleep 0.02; done; exec "$@"'
    arguments = ("sh", "-c", wait, str(file), *model.process.arguments)
    return replace(model, process=replace(model.process, arguments=arguments))


@contextlib.contextmanager
def hosting(folder: Path, *models: Model, default: tuple[str, ...] = ()) -> Iterator[Host]:
    profiles = (Profile("main", default, default=True),) if default else ()
    with serving(folder, manifest(*models, profiles=profiles)) as served:
        yield Host(folder, served, *[model.id for model in models])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_a_signal_is_heard_at_once_and_leaves_nothing_held(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with hosting(tmp_path, engine("a")) as host:
        assert host.served.chat("a")[0] == 200
        host.show(edited="command-a")
        host.docker.hang("create")
        with host.spawn("--no-wait") as process:
            pid = host.docker.state / "pid"
            wait_for(lambda: pid.exists() and pid.read_text().strip())
            assert host.served.ask("/status")[1]["models"][0]["held_by"].startswith("modelgen up on ")
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors.splitlines()[-1]) == (
            code,
            "modelgen: interrupted; no model is held any more; run `modelgen up` again to complete the change",
        )
        assert "Traceback" not in errors
        wait_for(lambda: not is_alive(int(pid.read_text())))
        assert host.served.ask("/status")[1]["models"][0]["held"] is False
        wait_for(lambda: host.served.state("a") == "ready")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_drain_that_takes_long_does_not_keep_ctrl_c_waiting(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a", "--chunks", "1000", "--pace", "0.1")) as host:
        host.show(edited="command-a")
        body = b'{"model": "a", "stream": true, "messages": []}'
        assert host.served.ask("/switch", {"model_id": "a"})[0] == 200
        with socket.create_connection(("127.0.0.1", host.served.port)) as client:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
            with host.spawn("--no-wait") as process:
                wait_for(lambda: host.served.state("a") == "draining")
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 130
            wait_for(lambda: host.served.state("a") == "ready")  # it is reopened, and its stream was never cut


def test_it_ends_with_an_address_and_a_line_that_works(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a"), default=("a",)) as host:
        done = host.up()
        assert done.returncode == 0, done.stderr
        assert f"serving on {host.served.url}\n" in done.stdout
        assert re.search(r"^a +ready", done.stdout, re.MULTILINE)
        if shutil.which("curl"):
            line = done.stdout[done.stdout.index("  curl ") :]
            asked = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
            assert '"choices"' in asked.stdout


def test_it_waits_for_the_default_profile_and_says_each_change(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with hosting(tmp_path, gated("a", gate), engine("b"), default=("a",)) as host, host.spawn() as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "a: starting\n"
        gate.touch()
        assert process.stderr.read() == "a: ready\n"
        assert process.wait(20) == 0


def remember(folder: Path, *models: str) -> None:
    """Let the next orchestrator resume these models."""
    (folder / "state").mkdir()
    (folder / "state" / "wanted.json").write_text(json.dumps({"wanted": models}))


def test_it_waits_for_what_ran_last_in_place_of_the_default_profile(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    remember(tmp_path, "b")
    with hosting(tmp_path, engine("a"), gated("b", gate), default=("a",)) as host:
        loading = host.up("--no-wait")
        assert '"model": "b"' in loading.stdout, loading.stdout
        with host.spawn() as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "b: starting\n"
            gate.touch()
            assert process.stderr.read() == "b: ready\n"
            assert process.wait(20) == 0


def test_a_resumed_model_that_does_not_load_is_the_exit_code_and_the_cause(tmp_path: Path) -> None:
    remember(tmp_path, "b")
    with hosting(tmp_path, engine("a"), engine("b", "--no-such-flag"), default=("a",)) as host:
        host.show(edited="orchestrator")
        done = host.up()
        assert done.returncode == 3, done.stdout
        assert "modelgen: b is failed: it ended before it was ready (exit code 2)\n" in done.stderr
        assert '"model": "a"' in done.stdout


def test_it_waits_for_a_model_that_it_brings_back(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a", "--healthy-after", "0.5")) as host:
        assert host.served.chat("a")[0] == 200
        host.show(edited="command-a")
        done = host.up()
        assert (done.returncode, host.served.state("a")) == (0, "ready")
        assert "a: starting\na: ready\n" in done.stderr


def test_a_default_model_that_does_not_load_is_the_exit_code_and_the_cause(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a", "--no-such-flag"), default=("a",)) as host:
        for _ in range(2):  # the second has nothing to do, and the model serves no more than before
            done = host.up()
            assert done.returncode == 3
            assert "modelgen: a is failed: it ended before it was ready (exit code 2)\n" in done.stderr
            assert "what to do: correct or remove the flag" in done.stderr
        assert host.up("--no-wait").returncode == 0


def test_a_default_model_that_failed_is_tried_again_by_a_new_container(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a", "--no-such-flag"), default=("a",)) as host:
        assert host.up().returncode == 3
        (tmp_path / "manifest.json").write_text(
            (tmp_path / "manifest.json").read_text().replace('"--no-such-flag"', '"--pace", "0"')
        )
        host.show(edited="command-a")
        done = host.up()
        assert (done.returncode, host.served.state("a")) == (0, "ready"), done.stderr


def test_a_terminal_of_50_columns_shows_one_line_that_moves(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    model = gated("a", gate, "loading weights, 42% of a line that is far longer than 50 columns can show")
    with hosting(tmp_path, model, default=("a",)) as host:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
        with host.spawn(stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # the other end is closed
                while data := os.read(ours, 4096):
                    shown += data
                    if b"loading weights" in shown:
                        gate.touch()
            assert process.stdout is not None
            process.stdout.read()
        os.close(ours)
        assert process.returncode == 0
        moved = [part for part in shown.decode().split("\r\x1b[K") if part.startswith("a starting")]
        assert any(re.match(r"a starting \d+ s: loading weights, 42% of", part) for part in moved), shown
        assert all(len(part.rstrip("\r\n")) < 50 for part in moved)


def test_another_folder_of_the_same_name_is_refused_with_both_paths(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a")) as host:
        other = tmp_path / "elsewhere" / "build"
        host.show(edited="", build=other)
        done = host.up()
        assert done.returncode == 1
        assert f"created from {other}, and this is {host.folder / 'build'}; set another" in done.stderr
        assert host.docker.done == ""
        assert not (host.folder / "build").exists()
        assert host.up("--take-over", "--no-wait").returncode == 0
        assert "--force-recreate command-a" in host.docker.done
        assert modelgen("down", cwd=host.folder, env=host.environment).returncode == 1
        assert modelgen("down", "--take-over", cwd=host.folder, env=host.environment).returncode == 0


class SaysDocker(BaseHTTPRequestHandler):
    """An orchestrator that runs in Docker, as far as commands ask it before they change anything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(
            b'{"project": "demo", "driver": "docker", "models": [{"id": "a", "names": ["a"], "held": false}]}'
        )

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"id": "a", "state": "stopped", "held": false, "models": ["a"], "status": "ready"}')


@pytest.mark.parametrize("command", ["load", "unload", "switch", "hold", "release"])
def test_what_changes_models_is_refused_in_another_folder_of_the_same_name(tmp_path: Path, command: str) -> None:
    docker, folder, other = FakeDocker(tmp_path / "docker"), tmp_path / "project", tmp_path / "elsewhere" / "build"
    environment = {**os.environ, "PATH": docker.path, "PYTHONPATH": str(REPOSITORY / "compiler")}
    with HTTPServer(("127.0.0.1", 0), SaysDocker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        folder.mkdir()
        (folder / "models.toml").write_text(TOML.format(port=server.server_port))

        def run(*options: str) -> subprocess.CompletedProcess[str]:
            return modelgen(command, "a", *options, cwd=folder, env=environment)

        docker.show(folder / "build", server.server_port, "a")
        done = run()
        assert done.returncode == 0
        assert command != "release" or done.stdout == "a: was not held; it is stopped\n"
        docker.show(other, server.server_port, "a")
        done = run()
        assert done.returncode == 1, done.stdout
        assert f"was started from {other}, and models.toml belongs to {folder / 'build'}; run this in" in done.stderr
        assert run("--url", f"http://127.0.0.1:{server.server_port}").returncode == 0
        (folder / ".modelgen").mkdir()
        note = {"containers": {"orchestrator": ["", "", str(other), True]}}  # of `up --out`
        (folder / ".modelgen" / "up-done.json").write_text(json.dumps(note))
        assert run().returncode == 0
        server.shutdown()


@pytest.mark.parametrize("command", ["load", "unload", "switch", "logs", "hold", "release", "why"])
def test_an_unknown_model_is_answered_with_the_names(tmp_path: Path, command: str) -> None:
    with hosting(tmp_path, engine("a")) as host:
        done = modelgen(command, "nope", cwd=host.folder, env=host.environment)
        assert (done.returncode, done.stderr) == (1, "modelgen: there is no model `nope`: known here: `a`\n")


def test_down_says_what_it_removed(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a")) as host:
        assert host.up("--no-wait").returncode == 0
        done = modelgen("down", cwd=host.folder, env=host.environment)
        assert done.stdout == "removed demo-command-a, demo-orchestrator, demo-socket-proxy\n"
        (host.docker.state / "containers").write_text("")
        done = modelgen("down", cwd=host.folder, env=host.environment)
        assert done.stdout == "the project `demo` had no containers\n"


def test_down_removes_its_own_volumes_and_names_those_of_others(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a")) as host:
        assert host.up("--no-wait").returncode == 0
        (host.docker.state / "volumes").write_text("demo-orchestrator-state\ndemo-database\n")
        assert "volume" not in modelgen("down", cwd=host.folder, env=host.environment).stdout
        assert "volume rm" not in host.docker.done
        done = modelgen("down", "--volumes", cwd=host.folder, env=host.environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1:] == [
            "removed the volumes demo-orchestrator-state",
            "kept the volumes demo-database; `docker volume rm` removes them",
        ]
        assert "volume rm demo-orchestrator-state\n" in host.docker.done
        host.docker.fail("volume", "Error response from daemon: remove demo-orchestrator-state: volume is in use")
        done = modelgen("down", "--volumes", cwd=host.folder, env=host.environment)
        assert done.returncode == 3
        assert "volume is in use" in done.stderr
        (host.docker.state / "volumes").write_text("")
        done = modelgen("down", "--volumes", cwd=host.folder, env=host.environment)
        assert done.stdout.splitlines()[1:] == ["there were no volumes of modelgen"]


def test_a_port_of_somebody_else_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with hosting(tmp_path, engine("a")) as host:
        (host.docker.state / "ports").write_text("")
        (host.docker.state / "containers").write_text("")
        done = host.up("--yes")
        assert done.returncode == 3
        named = f"127.0.0.1:{host.served.port} is used by "
        assert named in done.stderr
        if sys.platform == "linux":
            assert f"(pid {host.served.process.pid}); stop it, or set another port in" in done.stderr
        assert host.docker.done == ""
        assert not (host.folder / "build").exists()
