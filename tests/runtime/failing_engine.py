"""Real vLLM by `modelgen serve`, made to fail; as a script, collect what it prints.

usage: PYTHONPATH=tests python tests/runtime/failing_engine.py VLLM FOLDER [CASE...]

VLLM is the command of a vLLM for CPU. FOLDER gets VERSION-CASE.log, the whole output of the engine.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from real_failures import CASES, Case, version_of, write_case

from compiling import REPOSITORY
from runtime_serving import Served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

# A process of root reads every file, unless it lacks these capabilities.
_UNPRIVILEGED = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)


@contextlib.contextmanager
def serving(case: Case, program: Path, folder: Path) -> Iterator[Served]:
    """Run `modelgen serve` on a case."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_case(case, program, folder, port)
    command = [sys.executable, "-m", "modelgen", "serve"]
    if os.geteuid() == 0:
        command = [*_UNPRIVILEGED, *command]
    path = {"PYTHONPATH": str(REPOSITORY / "compiler"), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    with (
        (folder / "serve.log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=os.environ | path, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving"), (folder / "serve.log").read_text()
        try:
            yield Served(folder, process, port)
        finally:
            process.terminate()
            process.wait(60)


def chat(case: Case, served: Served) -> tuple[int, Any]:
    """Send a chat, which starts the model, and return status and answer."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(served.chat, "a")
        if case.kills is not None:
            kill_process(served, case.kills)
        return answer.result()


def kill_process(served: Served, name: str) -> None:
    """Kill a process of the engine as the kernel does when memory runs out."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [pid for pid in _descendants(served.process.pid) if _name(pid).startswith(name)]
        return bool(found)

    wait_for(is_there, 120)
    os.kill(found[0], signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):  # it has ended
            if parent := re.search(r"^PPid:\s+(\d+)", status.read_text(), re.MULTILINE):
                parents[int(status.parent.name)] = int(parent[1])
    family = {pid}
    while children := {child for child, parent in parents.items() if parent in family} - family:
        family |= children
    return sorted(family - {pid})


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def _collect(program: Path, target: Path, names: list[str]) -> None:
    version = version_of(program)
    for case in CASES:
        if names and case.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder, serving(case, program, Path(folder)) as served:
            status, _ = chat(case, served)
            [log] = (Path(folder) / ".modelgen" / "logs").glob("a*.log")
            (target / f"{version}-{case.name}.log").write_bytes(log.read_bytes())
        print(f"{version} {case.name}: {status}", flush=True)


if __name__ == "__main__":
    _collect(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
