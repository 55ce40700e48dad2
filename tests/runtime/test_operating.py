"""What guides show is what the programs print, and their lines for nginx pass on what they have to."""

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

GUIDES = REPOSITORY / "docs" / "guides"
FAILURES, SWITCHING, KEYS = (
    (GUIDES / f"{name}.md").read_text(encoding="utf-8")
    for name in ("when-a-model-does-not-start", "switching", "keys-and-browsers")
)
CADDYFILE = REPOSITORY / "docs/recipes/open-webui-and-claude-code/front/Caddyfile"
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


def block(page: str, language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
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
    toml = complete(block(FAILURES, "toml"))
    with served(tmp_path, toml, f"{program.parent}:{os.environ['PATH']}") as orchestrator:
        assert orchestrator.chat("text-4b")[0] == 503
        done = modelgen("why", "text-4b", cwd=tmp_path)
    shown, _, log = done.stdout.partition("  | ")
    shown = re.sub(r"  it can be tried again .*\n", "", shown)
    assert f"$ modelgen why text-4b\n{shown}" == block(FAILURES, "console")
    assert log


def test_a_hold_prints_what_the_page_shows(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "tests" / "demo", tmp_path, dirs_exist_ok=True)
    toml = (tmp_path / "models.toml").read_text()
    shown = ""
    with served(tmp_path, toml, os.environ["PATH"]) as orchestrator:
        wait_for(lambda: orchestrator.state("parrot") == "ready")
        commands = re.findall(r"^\$ modelgen (.*)$", block(SWITCHING, "console"), re.MULTILINE)
        for command in commands:
            shown += f"$ modelgen {command}\n{modelgen(*command.split(), cwd=tmp_path).stdout}"
        asked = re.findall(r"localhost:8080(/models/\S+) .*\\\n  -d '(.*)'", SWITCHING)
        assert asked
        for path, body in asked:
            request = urllib.request.Request(orchestrator.url + path, body.encode(), method="POST")
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200
    shown = shown.replace(f"{getpass.getuser()} on {socket.gethostname()}", "alice on gpu-host")
    assert shown == block(SWITCHING, "console")


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_behind_nginx_a_page_of_the_same_name_may_switch_and_no_other(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a"), allowed_hosts=("models.example",))) as orchestrator:
        location = block(KEYS, "nginx").replace("127.0.0.1:8080", orchestrator.url[7:])
        port = free_port()
        file = tmp_path / "nginx.conf"
        file.write_text(NGINX.format(folder=tmp_path, port=port, location=location))
        command = [str(shutil.which("nginx")), "-c", str(file), "-e", str(tmp_path / "error.log")]
        with proxied(command, port):
            through = Served(tmp_path, orchestrator.process, port)
            only_its_own_pages_may_switch(through, "models.example")
            assert through.ask("/v1/models", Host="other.example")[0] == 403


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
def test_behind_the_caddy_of_the_recipe_a_page_of_the_same_name_may_switch_and_no_other(tmp_path: Path) -> None:
    host, port = "models.example.com", free_port()
    with serving(tmp_path, manifest(engine("a"), allowed_hosts=(host,))) as orchestrator:
        [site] = re.findall(
            rf"^({re.escape(host)} {{\n.*?^}})", CADDYFILE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        site = site.replace("orchestrator:8080", orchestrator.url[7:]).replace(host, f"http://{host}:{port}")
        file = tmp_path / "Caddyfile"
        file.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{site}")  # the certificates come from the internet
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        command = [str(shutil.which("caddy")), "run", "--config", str(file)]
        with proxied(command, port, environment):
            only_its_own_pages_may_switch(Served(tmp_path, orchestrator.process, port), host)


@contextlib.contextmanager
def proxied(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run a reverse proxy that listens on a port."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            wait_for(lambda: is_open(port))
            yield
        finally:
            process.terminate()


def only_its_own_pages_may_switch(proxy: Served, name: str) -> None:
    host, switch = {"Host": name}, {"model_id": "a"}
    assert proxy.ask("/v1/models", **host)[0] == 200
    assert proxy.ask("/switch", switch, **host, Origin=f"https://{name}")[0] == 200
    assert proxy.ask("/switch", switch, **host, Origin="https://other.example")[0] == 403


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
