"""An orchestrator that is a process of its own, over engines that are programs too."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import prepared_interpreter
from compiling import REPOSITORY
from modelgen_runtime.manifest import Gpu, Manifest, Model, Process, Profile, Readiness, Settings, write_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENGINE = Path(__file__).parent / "runtime" / "fake_engine.py"
ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "/echo", "/headers")
CARD = (Gpu("gpu0", 24 * 2**30, 20 * 2**30),)


def engine(id_: str, *options: str, gib: float = 12, **more: Any) -> Model:  # noqa: ANN401 - fields of a model
    """Return a model that the fake engine serves, in an `environment`; options may tell it another `--name`."""
    names = () if "--name" in options else ("--name", id_)
    arguments = (sys.executable, "-S", "-E", str(ENGINE), "--port", "{port}", *names, *options)
    fields: dict[str, Any] = {
        "names": (id_,),
        "readiness": Readiness("/health", 20.0, "/v1/models"),
        "routes": ROUTES,
        "reservations": {"gpu0": int(gib * 2**30)} if gib else {},
        "process": Process(arguments, more.pop("environment", {})),
        "stop_grace": 2.0,
    }
    return Model(id_, engine="command", **{**fields, **more})


def manifest(*models: Model, profiles: tuple[Profile, ...] = (), **settings: Any) -> Manifest:  # noqa: ANN401
    """Return a manifest of these models on one card of 20 GiB."""
    return Manifest("demo", "process", models, CARD, profiles, Settings(**settings))


class Served:
    """A running orchestrator."""

    def __init__(self, folder: Path, process: subprocess.Popen[str], port: int) -> None:
        self.folder, self.process, self.port = folder, process, port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: object = None, *, method: str | None = None, **headers: str) -> tuple[int, Any]:
        """Return status and JSON of an answer; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, named, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, content = error.code, error.read()
        return status, json.loads(content) if content[:1] in (b"{", b"[") else content.decode()

    def chat(self, model: str, text: str = "hello") -> tuple[int, Any]:
        """Ask a model for an answer."""
        return self.ask("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}]})

    def state(self, model: str) -> str:
        """Return the state that a model is in."""
        [state] = [one["state"] for one in self.ask("/models")[1]["models"] if one["id"] == model]
        return str(state)

    def engines(self) -> list[int]:
        """Return the processes of the engines that belong to it."""
        return sorted(entry["pid"] for entry in self._records())

    def engine_port(self, model: str) -> int:
        """Return where the engine of a model listens."""
        [port] = [entry["port"] for entry in self._records() if entry["model"] == model]
        return int(port)

    def _records(self) -> list[dict[str, Any]]:
        stored: list[dict[str, Any]] = json.loads((self.folder / "state" / "processes.json").read_text())["engines"]
        return stored


def spawn(
    folder: Path,
    content: Manifest,
    *,
    port: int | None = None,
    open_files: int | None = None,
    is_fresh: bool = False,
    also: Mapping[str, str] | None = None,
) -> tuple[subprocess.Popen[str], int]:
    """Start an orchestrator, and return it with its port; `open_files` is its hard limit of descriptors.

    One that `is_fresh` is an interpreter of its own, whose memory has nothing but what it needs. `also` is what its
    environment has besides.
    """
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    (folder / "manifest.json").write_bytes(write_manifest(content))
    arguments = [str(folder / "manifest.json"), "--state", str(folder / "state"), "--bind", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), **(also or {})}
    command = [sys.executable, "-m", "modelgen_runtime", *arguments]
    if open_files is not None:
        command = ["sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh", *command]
    with (folder / "orchestrator.log").open("ab") as log:
        if is_fresh or open_files or not prepared_interpreter.is_possible(environment, Path.cwd()):
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        else:
            process = prepared_interpreter.Forked(
                "modelgen_runtime", *arguments, cwd=Path.cwd(), env=environment, stdout=subprocess.PIPE, stderr=log
            )
    return process, port


@contextlib.contextmanager
def serving(
    folder: Path,
    content: Manifest,
    *,
    open_files: int | None = None,
    is_fresh: bool = False,
    also: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Yield a running orchestrator, which ends with all its engines; no error of its own may have gone unseen."""
    process, port = spawn(folder, content, open_files=open_files, is_fresh=is_fresh, also=also)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving on"), (folder / "orchestrator.log").read_text()
        try:
            yield Served(folder, process, port)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)
        log = (folder / "orchestrator.log").read_text()
        faults = [found.start() for found in re.finditer("Traceback|never retrieved|was destroyed", log)]
        assert not faults, log[max(0, faults[0] - 1000) : faults[0] + 4000]


def post(path: str, *headers: str, body: bytes, version: str = "1.1") -> bytes:
    """Return a POST as bytes; it tells the body's length unless the headers tell how it is framed."""
    lines = [f"POST {path} HTTP/{version}", "Host: localhost", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def wait_for(question: Any, seconds: float = 20.0) -> None:  # noqa: ANN401 - anything that answers
    """Return once a question is answered with yes."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
