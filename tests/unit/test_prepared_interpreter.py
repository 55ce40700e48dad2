"""A run in the prepared interpreter is as a run in one that was started for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import prepared_interpreter
from compiling import python, script

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


# Prints what huggingface_hub holds in its modules, classes, instances and the defaults of functions.
HELD = """
import inspect, logging, os, sys
assert not [name for name in sys.modules if name.startswith("huggingface_hub")]
os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_SYMLINKS_WARNING="1")  # as modelgen does
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, snapshot_download
from huggingface_hub.utils import _shared_blobs
found, seen = set(), set()
def is_own(kind):
    return kind.__module__.startswith("huggingface_hub")
def values(name, holder):
    for key, value in list(vars(holder).items()):
        place = f"{name}.{key}"
        if isinstance(value, (str, int, float, bytes, type(None), list, tuple)) and not key.startswith("__"):
            found.add(f"{place} = {value!r}"[:300])
        elif inspect.isfunction(value) or inspect.ismethod(value):
            function = inspect.unwrap(value)
            found.add(f"{place}({function.__defaults__!r}, {function.__kwdefaults__!r})".partition(" at 0x")[0])
        elif (is_own(value) if inspect.isclass(value) else is_own(type(value)) and hasattr(value, "__dict__")):
            if id(value) not in seen:
                seen.add(id(value))
                values(place, value)
for name, module in sorted(sys.modules.items()):
    if name.startswith("huggingface_hub."):
        values(name, module)
logger = logging.getLogger("huggingface_hub")
found.add(f"{[handler.stream is sys.stderr for handler in logger.handlers]} {logger.level} {logger.propagate}")
print("\\n".join(sorted(found)))
"""
SETTINGS = {
    "an endpoint and a home": {"HF_ENDPOINT": "http://127.0.0.1:1", "HF_HOME": "/nowhere/home"},
    "a cache, a token, no network": {"HF_HUB_CACHE": "/nowhere/hub", "HF_TOKEN": "hf_x", "HF_HUB_OFFLINE": "1"},
    "what it reads elsewhere too": {"HF_HUB_VERBOSITY": "debug", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"},
    "another home": {"HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere/cache"},
}


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_hub_client_has_the_settings_of_the_run(tmp_path: Path, settings: dict[str, str]) -> None:
    forked, started = script(HELD, cwd=tmp_path, env=settings), python("-c", HELD, cwd=tmp_path, env=settings)
    assert (forked.returncode, started.returncode) == (0, 0), forked.stderr + started.stderr
    assert len(started.stdout.splitlines()) > 1000
    assert {*started.stdout.splitlines()} == {*forked.stdout.splitlines()}
