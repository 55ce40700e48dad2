"""What nearly every test needs: TOML in, text out. No test constructs internals."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import IO, TYPE_CHECKING

import prepared_interpreter
from modelgen.diagnostics import human
from modelgen.diagnostics.repeats import fold
from modelgen.pipeline import check_source, compile_source
from modelgen.targets import DEFAULT_TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.diagnostics import Diagnostic
    from modelgen.pipeline import Checked

REPOSITORY = Path(__file__).parent.parent
_TIMEOUT = 120

# What a fragment of a models.toml leaves out, table by table.
_BASE = {
    "project": 'name = "demo"\nhub = "./models/hub"\n',
    "gpus": '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n',
    "engines": '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n',
    "rules": 'unpinned-repo = "off"\nimage-without-gpu = "off"\n',
}


def complete(fragment: str) -> str:
    """Return a whole models.toml: the fragment, and a usual table for each that it does not write itself."""
    fragment = textwrap.dedent(fragment)
    try:
        written = tomllib.loads(fragment)
    except tomllib.TOMLDecodeError:
        written = {}
    if "[rules]\n" in fragment and "image-without-gpu" not in fragment:
        fragment = fragment.replace("[rules]\n", '[rules]\nimage-without-gpu = "off"\n')
    base = ""
    for table, text in _BASE.items():
        if table not in written:
            base += text if text.startswith("[") else f"[{table}]\n{text}"
    return f"{fragment}\n{base}"


def findings(toml: str | bytes, lock: str | None = None) -> list[Diagnostic]:
    """Return all findings of a build on a models.toml and the lock beside it; nothing is rendered, which saves time."""
    return _checked(toml.encode() if isinstance(toml, str) else toml, lock).diagnostics


def check(toml: str, lock: str | None = None) -> str:
    """Return all findings as a person reads them."""
    checked = _checked(toml.encode(), lock)
    return human.render(fold(checked.diagnostics), checked.source, colour=False)


def _checked(toml: bytes, lock: str | None) -> Checked:
    return check_source(toml, None if lock is None else lock.encode(), targets=DEFAULT_TARGETS)


def build(toml: str, lock: str | None = None, *, root_from_out: str = "..") -> dict[str, str]:
    """Return what is built, path → text; a file with errors fails the test."""
    compilation = compile_source(toml.encode(), None if lock is None else lock.encode(), root_from_out=root_from_out)
    assert not compilation.failed, check(toml, lock)
    return {path: data.decode() for path, data in compilation.artifacts.items()}


def modelgen(
    *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own, which runs the code `before` first."""
    environment = _environment(env)
    if prepared_interpreter.is_possible(environment, cwd):
        return prepared_interpreter.run(
            "modelgen", *map(str, args), cwd=cwd, env=environment, timeout=_TIMEOUT, before=before
        )
    return python(*_module(before), *map(str, args), cwd=cwd, env=env)


def start(
    *args: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    before: str = "",
    stdout: IO[bytes] | int | None = subprocess.PIPE,
    stderr: IO[bytes] | int | None = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Start the command line in a process of its own, to be waited for or killed; it runs the code `before` first."""
    environment, given = _environment(env), [*map(str, args)]
    if prepared_interpreter.is_possible(environment, cwd):
        return prepared_interpreter.Forked(
            "modelgen", *given, cwd=cwd, env=environment, before=before, stdout=stdout, stderr=stderr
        )
    command = [sys.executable, *_module(before), *given]
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=stdout, stderr=stderr, text=True)


def script(
    code: str, *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code as `python -c` does, in a process of its own that can import modelgen."""
    environment = _environment(env)
    if prepared_interpreter.is_possible(environment, cwd):
        return prepared_interpreter.run("", *map(str, args), cwd=cwd, env=environment, before=code, timeout=_TIMEOUT)
    return python("-c", code, *map(str, args), cwd=cwd, env=env)


def _module(before: str) -> list[str]:
    return ["-c", f"{before}\nfrom modelgen.cli import main\nmain()"] if before else ["-m", "modelgen"]


def python(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own that can import modelgen."""
    return subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env=_environment(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), **(env or {})}
