"""What docs/operations.md shows is what the programs print, and its lines for nginx pass on what they have to."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, complete, modelgen
from runtime_serving import Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

PAGE = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
LOG = REPOSITORY / "tests" / "runtime" / "data" / "logs" / "vllm-0.32.0-longctx.log"
NGINX = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def block(title: str, language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)
    return str(found)


@contextlib.contextmanager
def served(folder: Path, toml: str, path: str) -> Iterator[Served]:
    """Yield what `modelgen serve` runs of a models.toml on a free port."""
    port = free_port()
    (folder / "models.toml").write_text(f'{toml}\n[orchestrator]\nlisten = "127.0.0.1:{port}"\n')
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), "PATH": path}
    command = [sys.executable, "-m", "modelgen", "serve"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving on ")
        try:
            yield Served(folder, process, port)
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_why_prints_what_the_page_shows(tmp_path: Path) -> None:
    """The engine is a program that prints what a real vLLM 0.32.0 has printed."""
    (tmp_path / "models" / "hub").mkdir(parents=True)
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat '{LOG}'\nexit 1\n")
    program.chmod(0o755)
    toml = complete(block("When a model does not start", "toml"))
    with served(tmp_path, toml, f"{program.parent}:{os.environ['PATH']}") as orchestrator:
        assert orchestrator.chat("text-4b")[0] == 503
        done = modelgen("why", "text-4b", cwd=tmp_path)
    shown, _, log = done.stdout.partition("  | ")
    shown = re.sub(r"  it can be tried again .*\n", "", shown)
    assert f"$ modelgen why text-4b\n{shown}" == block("When a model does not start", "console")
    assert log


def test_a_hold_prints_what_the_page_shows(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "tests" / "demo", tmp_path, dirs_exist_ok=True)
    toml = (tmp_path / "models.toml").read_text()
    shown = ""
    with served(tmp_path, toml, os.environ["PATH"]) as orchestrator:
        wait_for(lambda: orchestrator.state("parrot") == "ready")
        commands = re.findall(r"^\$ modelgen (.*)$", block("Hold a model", "console"), re.MULTILINE)
        for command in commands:
            shown += f"$ modelgen {command}\n{modelgen(*command.split(), cwd=tmp_path).stdout}"
        for path, body in re.findall(r"localhost:8080(\S+) --json '(.*)'", section("Hold a model")):
            request = urllib.request.Request(orchestrator.url + path, body.encode(), method="POST")
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200
    shown = shown.replace(f"{getpass.getuser()} on {socket.gethostname()}", "alice on gpu-host")
    assert shown == block("Hold a model", "console")


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_behind_nginx_a_page_of_the_same_name_may_switch_and_no_other(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, manifest(engine("a"), allowed_hosts=("models.example",))) as orchestrator:
        location = block("Keys, browsers and reverse proxies", "nginx").replace("127.0.0.1:8080", orchestrator.url[7:])
        file = tmp_path / "nginx.conf"
        file.write_text(NGINX.format(folder=tmp_path, port=port, location=location))
        nginx = str(shutil.which("nginx"))
        with subprocess.Popen([nginx, "-c", str(file), "-e", str(tmp_path / "error.log")]) as process:
            try:
                through = Served(tmp_path, orchestrator.process, port)
                wait_for(lambda: is_open(port))
                host = {"Host": "models.example"}
                assert through.ask("/v1/models", **host)[0] == 200
                switch = {"model_id": "a"}
                assert through.ask("/switch", switch, **host, Origin="https://models.example")[0] == 200
                assert through.ask("/switch", switch, **host, Origin="https://other.example")[0] == 403
                assert through.ask("/v1/models", Host="other.example")[0] == 403
            finally:
                process.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
