"""A run in the prepared interpreter is as a run in one that was started for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import prepared_interpreter

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROGRAM = """
import atexit, json, os, signal, sys, threading
atexit.register(print, "at exit")
threading.Thread(target=lambda: threading.Event().wait(0.05) or print("a thread")).start()
print(json.dumps([sys.argv, os.getcwd(), os.environ.get("SEEN"), sys.stdin.read(), __name__, sys.orig_argv[1:]]))
print("ä", sys.stdout.encoding, sys.stdout.isatty(), sys.flags.utf8_mode, file=sys.stderr)
print([number for number in range(3, 30) if os.path.exists(f"/proc/self/fd/{number}")][1:])
print(signal.getsignal(signal.SIGCHLD), signal.getsignal(signal.SIGINT))
"""
ENDS = {
    "the end": "",
    "a code": "sys.exit(3)",
    "a sentence": "sys.exit('what failed')",
    "an exception": "raise KeyError(1)",
    "a signal": "sys.stdout.flush(); os.kill(os.getpid(), signal.SIGTERM)",
    "at once": "sys.stdout.flush(); os._exit(7)",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_it_is_the_same(tmp_path: Path, end: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAM + end)
    environment = {**os.environ, "PYTHONPATH": prepared_interpreter.COMPILER, "SEEN": "yes"}
    assert prepared_interpreter.is_possible(environment, tmp_path)
    forked = prepared_interpreter.run("program", "a", "b c", cwd=tmp_path, env=environment, timeout=60)
    command = [sys.executable, "-m", "program", "a", "b c"]
    started = subprocess.run(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (forked.returncode, forked.stdout) == (started.returncode, started.stdout)
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]
    assert forked.args == started.args


def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import threading; threading.Event().wait()")
    environment = {**os.environ, "PYTHONPATH": prepared_interpreter.COMPILER}
    with pytest.raises(subprocess.TimeoutExpired):
        prepared_interpreter.run("program", cwd=tmp_path, env=environment, timeout=0.5)


@pytest.mark.parametrize("name", ["PYTHONUTF8", "LANG", "LC_ALL", "PYTHONPATH"])
def test_what_an_interpreter_reads_when_it_starts_needs_a_new_one(tmp_path: Path, name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": prepared_interpreter.COMPILER}
    assert not prepared_interpreter.is_possible({**environment, name: "1"}, tmp_path)
