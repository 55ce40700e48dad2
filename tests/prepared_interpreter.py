"""Run `python -m MODULE` in a fork of an interpreter that has imported what most runs need.

Imports are two thirds of the processor time of a short run, and the tests make thousands of runs. A run has a process,
an environment, a working directory and an exit of its own, as if it had been started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping

# Only modules that read no environment when they are imported; huggingface_hub does.
PRELOADED = (
    *("asyncio", "configparser", "ctypes", "difflib", "http.client", "ssl", "urllib.request", "uuid"),
    *(
        "anyio",
        "click.shell_completion",
        "filelock",
        "h11",
        "httpcore2",
        "httpx2",
        "jinja2",
        "rich.progress",
        "truststore",
    ),
)
# What an interpreter reads when it starts.
_STARTUP = ("PYTHON", "LANG", "LC_", "TZ")
COMPILER = str(Path(__file__).parent.parent / "compiler")
_MESSAGE = 4  # bytes of a message's length


def is_possible(environment: Mapping[str, str], cwd: Path) -> bool:
    """Return whether a run with this environment is the same in a fork."""
    *added, last = environment.get("PYTHONPATH", "").split(os.pathsep)
    is_same = _read_at_start(environment) == _read_at_start(os.environ) and last == COMPILER
    return hasattr(os, "fork") and cwd.is_dir() and is_same and not any(map(_shadows, added))


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_STARTUP) and name != "PYTHONPATH"}


def _shadows(folder: str) -> bool:
    """Return whether a folder has a module that takes the place of an installed one, which may be imported already."""
    names = {path.name.partition(".")[0] for path in Path(folder).iterdir()} - {"__pycache__", "sitecustomize"}
    return any(importlib.util.find_spec(name) is not None for name in names)


def run(
    module: str, *args: str, cwd: Path, env: Mapping[str, str], timeout: float = 120, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a module as the program, and return what `subprocess.run` would; its process runs the code `before` first.

    Raises:
        subprocess.TimeoutExpired: It did not end within `timeout` seconds; it is killed.
    """
    command = [sys.executable, "-m", module, *args]
    request = {"module": module, "argv": command, "cwd": str(cwd), "env": dict(env), "before": before}
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        connection = stack.enter_context(socket.socket(socket.AF_UNIX))
        connection.connect(_server())
        data = json.dumps(request).encode()
        socket.send_fds(connection, [len(data).to_bytes(_MESSAGE, "big")], [stream.fileno() for stream in streams])
        connection.sendall(data)
        pid = int.from_bytes(_receive(connection, _MESSAGE), "big")
        connection.settimeout(timeout)
        try:
            status = int.from_bytes(_receive(connection, _MESSAGE), "big")
        except TimeoutError as error:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout) from error
        return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status), *map(_text, streams))


def _text(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read().decode().replace("\r\n", "\n")


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the prepared interpreter ended")
        data += part
    return data


@cache
def _server() -> str:
    """Start the interpreter, once a session, and return its address."""
    folder = tempfile.TemporaryDirectory(prefix="prepared-")
    address = f"{folder.name}/socket"
    environment = {**os.environ, "PYTHONPATH": COMPILER}
    server = subprocess.Popen([sys.executable, __file__, address], env=environment, stdout=subprocess.PIPE)
    assert server.stdout
    server.stdout.readline()

    def stop() -> None:
        server.terminate()
        server.wait()
        folder.cleanup()

    atexit.register(stop)
    return address


def _serve(address: str) -> dict[str, Any]:
    """Accept runs for ever; return in the process of each, with what it is to run."""
    _import_all()
    wake, woken = socket.socketpair()
    woken.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print(flush=True)
    runs: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listener, wake], [], [])
        if wake in ready:
            wake.recv(1024)
            _report_ended(runs)
        if listener in ready and (request := _fork(listener, runs)):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (listener, wake, woken, *runs.values()):
                inherited.close()
            return request


def _import_all() -> None:
    """Import all of modelgen, and compile a file with a lock, which imports and builds what is made on first use."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # as `modelgen.cli.main` does before the first import
    for name in PRELOADED:
        importlib.import_module(name)
    import modelgen
    from modelgen.lockfile.entries import File, Lock, Snapshot
    from modelgen.lockfile.writing import render_lock
    from modelgen.pipeline import compile_source

    for module in pkgutil.walk_packages(modelgen.__path__, "modelgen."):
        if module.name != "modelgen.__main__":
            importlib.import_module(module.name)
    if early := [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        sys.exit(f"{early[0]} reads the environment of a run when it is imported, so it must not be imported before")
    file = File(path="config.json", size=2, blob="0" * 40)
    lock = Lock(snapshots=[Snapshot(repo="org/model", commit="0" * 40, models=["model"], files=[file])])
    compile_source((Path(__file__).parent.parent / "models.toml").read_bytes(), render_lock(lock))
    gc.collect()
    gc.freeze()


def _report_ended(runs: dict[int, socket.socket]) -> None:
    while runs:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with runs.pop(pid) as connection, contextlib.suppress(OSError):  # a test that no longer waits
            connection.sendall(status.to_bytes(_MESSAGE, "big"))


def _fork(listener: socket.socket, runs: dict[int, socket.socket]) -> dict[str, Any] | None:
    """Fork a run, and return its request in it; return None in the server."""
    connection, _ = listener.accept()
    head, streams, _, _ = socket.recv_fds(connection, _MESSAGE, 2)
    request: dict[str, Any] = json.loads(_receive(connection, int.from_bytes(head, "big")))
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        connection.sendall(pid.to_bytes(_MESSAGE, "big"))
        runs[pid] = connection
        return None
    connection.close()
    null = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((null, *streams)):
        os.dup2(stream, number)
        os.close(stream)
    return request


def _become(request: dict[str, Any]) -> None:
    """Make this process look as one that was started for the run."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.path[1:1] = added = request["env"]["PYTHONPATH"].split(os.pathsep)[:-1]
    if any(Path(folder, "sitecustomize.py").exists() for folder in added):
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    sys.argv = request["argv"][2:]
    sys.orig_argv = request["argv"]
    exec(request["before"], {})


if __name__ == "__main__":
    _request = _serve(sys.argv[1])
    _become(_request)
    sys.path[0] = _request["cwd"]
    runpy.run_module(_request["module"], run_name="__main__", alter_sys=True)
