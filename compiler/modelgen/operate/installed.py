"""Find which version of an engine is installed on this host."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.operate.programs import ask

if TYPE_CHECKING:
    from modelgen.engines.engine import Engine

_LONGEST_VERSION = 10
"""Seconds that a program may take to print its version: a build with CUDA looks for GPUs first."""


def installed_version(engine: Engine, program: str) -> str | None:
    """Return the version of a program of an engine, as `version` is written in models.toml; None if it is not known."""
    if engine.build_line is not None:
        answer = ask([program, "--version"], _LONGEST_VERSION)
        line = engine.build_line.search(f"{answer.errors}\n{answer.output}")
        return f"b{line[1]}" if line else None
    return _version_of_package(Path(program), engine.package) if engine.package else None


def _version_of_package(script: Path, package: str) -> str | None:
    """Return the version of the package that a script in the `bin` of an environment belongs to, without running it.

    The script is in the environment itself, or begins with the path of the environment's interpreter.
    """
    environments = [script.parent.parent]
    with contextlib.suppress(OSError, ValueError), script.open("rb") as file:
        words = file.readline(1000).removeprefix(b"#!").split()
        environments += [Path(words[0].decode()).parent.parent] if words else []
    for environment in environments:
        for found in environment.glob(f"lib/python3*/site-packages/{package}-*.dist-info"):
            version = found.name.removeprefix(f"{package}-").removesuffix(".dist-info")
            return version.partition("+")[0]  # without the build, such as `+cu129`
    return None
