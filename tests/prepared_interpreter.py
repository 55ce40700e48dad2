"""Run `python -m MODULE` in a fork of an interpreter that has imported what most runs need.

Imports are two thirds of the processor time of a short run, and the tests make thousands of runs. A run has a process,
an environment, a working directory and an exit of its own, as if it had been started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import json
import logging
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from importlib.util import spec_from_loader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# Only modules that read no environment when they are imported; for huggingface_hub, see `_HubFinder`.
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
HUB = "huggingface_hub"
# Variables that huggingface_hub reads in its `constants` only, or whenever it needs them.
_HUB_CONSTANTS = frozenset(
    {
        *("HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN", "HF_TOKEN_PATH"),
        *("HF_HUB_DISABLE_UPDATE_CHECK", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET"),
        *("HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_SYMLINKS_WARNING"),
        *("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT", "HF_HUB_DISABLE_SHARED_BLOBS"),
    }
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

    Without the name of a module, the code is the program.

    Raises:
        subprocess.TimeoutExpired: It did not end within `timeout` seconds; it is killed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = Forked(module, *args, cwd=cwd, env=env, before=before, stdout=output, stderr=errors)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(process.args, code, _text(output), _text(errors))


class Forked(subprocess.Popen[str]):
    """A module that runs as the program in a fork; its process runs the code `before` first.

    Standard input is empty; `stdout` and `stderr` are as those of `subprocess.Popen`. With a `package`, which is a
    folder for PYTHONPATH and a module in it, this is what the interpreter has imported, in place of modelgen.
    """

    def __init__(
        self,
        module: str,
        *args: str,
        cwd: Path,
        env: Mapping[str, str],
        before: str = "",
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | int | None = None,
        package: tuple[str, str] = (COMPILER, ""),
    ) -> None:
        self._server = _server(*package)
        command = [sys.executable, "-m", module, *args]
        self._request: dict[str, Any] = {
            "module": module,
            "argv": command,
            "cwd": str(cwd),
            "env": dict(env),
            "before": before,
        }
        self._request["is_modelgen"] = not package[1]
        super().__init__(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True)

    def _execute_child(self, *args: Any) -> None:  # noqa: ANN401 - as its parent has them
        """Have the server fork, in place of a fork of this process."""
        stdin, _, _, stdout, _, stderr = pipes = args[10:16]
        streams = [own if own != -1 else number for number, own in enumerate((stdin, stdout, stderr))]
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(self._server)
        data = json.dumps(self._request).encode()
        socket.send_fds(self._connection, [len(data).to_bytes(_MESSAGE, "big")], streams)
        self._connection.sendall(data)
        self.pid = int.from_bytes(_receive(self._connection, _MESSAGE), "big")
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Receive the status from the server, as `os.waitpid` would return it."""
        if wait_flags & os.WNOHANG and not select.select([self._connection], [], [], 0)[0]:
            return 0, 0
        with self._connection:
            return self.pid, int.from_bytes(_receive(self._connection, _MESSAGE), "big")

    def _wait(self, timeout: float | None) -> int:
        """Wait for the status itself, where `subprocess` looks for an exit every 50 ms."""
        is_running = self.returncode is None and timeout is not None
        if is_running and not select.select([self._connection], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return super()._wait(None)  # type: ignore[misc,no-any-return]

    def _internal_poll(self, _deadstate: int | None = None, **_: object) -> int | None:
        if self.returncode is None and (ended := self._try_wait(os.WNOHANG))[0]:
            self._handle_exitstatus(ended[1])  # type: ignore[attr-defined]
        return self.returncode


def _text(stream: IO[bytes]) -> str:
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
def _server(path: str, module: str) -> str:
    """Start the interpreter, once a session, and return its address."""
    folder = tempfile.TemporaryDirectory(prefix="prepared-")
    address = f"{folder.name}/socket"
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, __file__, address, module]
    server = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout
    with server.stdout as listening:
        listening.readline()

    def stop() -> None:
        assert server.stdin
        server.stdin.close()  # which is its end
        server.wait()
        folder.cleanup()

    atexit.register(stop)
    return address


def _serve(address: str, module: str) -> dict[str, Any]:
    """Accept runs for ever; return in the process of each, with what it is to run."""
    if module:
        importlib.import_module(module)
    else:
        _import_all()
    gc.collect()
    gc.freeze()
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
        ready, _, _ = select.select([listener, wake, sys.stdin], [], [])
        if sys.stdin in ready:  # its end: the tests were killed
            os._exit(0)
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
    if early := _hub_modules():
        sys.exit(f"modelgen imports {early[0]} when it is imported itself, which `test_startup` does not allow")
    from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, snapshot_download  # noqa: F401
    from huggingface_hub.utils import _shared_blobs  # noqa: F401

    import modelgen_runtime

    for module in pkgutil.walk_packages(modelgen_runtime.__path__, "modelgen_runtime."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    file = File(path="config.json", size=2, blob="0" * 40)
    lock = Lock(snapshots=[Snapshot(repo="org/model", commit="0" * 40, models=["model"], files=[file])])
    compile_source((Path(__file__).parent.parent / "models.toml").read_bytes(), render_lock(lock))


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
    head, streams, _, _ = socket.recv_fds(connection, _MESSAGE, 3)
    request: dict[str, Any] = json.loads(_receive(connection, int.from_bytes(head, "big")))
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        connection.sendall(pid.to_bytes(_MESSAGE, "big"))
        runs[pid] = connection
        return None
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
        _open_standard(number)
    return request


def _open_standard(number: int) -> None:
    """Open a standard stream as Python does when it starts: the server's own is of another kind of file."""
    name = ("stdin", "stdout", "stderr")[number]
    before = getattr(sys, name)
    stream = open(  # noqa: SIM115 - until the process ends
        number,
        "w" if number else "r",
        buffering=1 if name == "stderr" else -1,
        encoding=before.encoding,
        errors=before.errors,
        newline="\n" if number else None,
        closefd=False,
    )
    stream.buffer.raw.name = f"<{name}>"  # type: ignore[attr-defined]
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


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
    if request["is_modelgen"]:
        finder = _HubFinder()
        if added:  # perhaps another version
            logging.getLogger(HUB).handlers.clear()
        else:
            sys.meta_path.insert(0, finder)


def _hub_modules() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == HUB]


class _HubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Has the first import of huggingface_hub in a run find what the server has imported, as if it were imported now.

    Its other modules read `constants` when they need one, save for the names that are replaced here. With variables
    that more depends on, it is imported anew.
    """

    def __init__(self) -> None:
        self._modules = {name: sys.modules.pop(name) for name in _hub_modules()}

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != HUB:
            return None
        sys.meta_path.remove(self)
        if {name for name in os.environ if name.startswith(("HF_", "HUGGING"))} - _HUB_CONSTANTS:
            logging.getLogger(HUB).handlers.clear()
            return None
        self._spec = self._modules[HUB].__spec__
        return spec_from_loader(HUB, self, is_package=True)

    def create_module(self, _: ModuleSpec) -> ModuleType:
        return self._modules[HUB]

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
        sys.modules.update(self._modules)
        from huggingface_hub import constants, hf_api

        before = dict(vars(constants))
        importlib.reload(constants)
        changed = {name: value for name, value in vars(constants).items() if value != before.get(name)}
        for one in self._modules.values():
            for name in changed.keys() & vars(one).keys():
                if name.isupper():
                    setattr(one, name, changed[name])
        hf_api.api.__init__()  # type: ignore[misc]  # module-level functions are methods of this one
        for handler in logging.getLogger(HUB).handlers:
            handler.setStream(sys.stderr)  # type: ignore[attr-defined]


def _run(request: dict[str, Any]) -> int:
    """Run the code and the module, and return the exit code; raise what else ends them, for Python to handle."""
    try:
        exec(request["before"], {"__name__": "__main__"})
        if request["module"]:
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        return ended.code or 0
    return 0


def _exit_quickly(code: int) -> NoReturn:
    """Exit as Python does, but without freeing memory, which would copy all that is shared with the server."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - waits for threads
    atexit._run_exitfuncs()  # noqa: SLF001
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # Python reports it
    os._exit(code)


if __name__ == "__main__":
    _request = _serve(*sys.argv[1:])
    _become(_request)
    sys.path[0] = _request["cwd"]
    _exit_quickly(_run(_request))
