"""Clients of the double in processes of their own: the real client reads its settings when it is imported."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import prepared_interpreter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from hub_double.hub import Hub


class Answer(NamedTuple):
    """What came back; without a status, what went wrong."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str


def hf(hub: Hub, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line."""
    return _run("huggingface_hub.cli.hf", *arguments, environment=hub.environment | environment)


def ask(hub: Hub, *expressions: str, **environment: str) -> list[Any]:
    """Evaluate expressions of `hf`, the package, and `api`, an HfApi; what is raised is told as `Class: message`."""
    done = _run("hub_double.asking", *expressions, environment=hub.environment | environment)
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def fetch(hub: Hub, path: str, *each: Mapping[str, str], patience: float = 60) -> list[Answer]:
    """GET a path once for each of these sets of headers, following redirects; `patience` is for silence, in seconds."""
    requests = json.dumps([patience, [(hub.endpoint + path, headers) for headers in each]])
    done = _run("hub_double.getting", requests, environment=hub.environment)
    assert done.returncode == 0, done.stderr
    return [
        Answer(status, headers, base64.b64decode(body), error)
        for status, headers, body, error in json.loads(done.stdout)
    ]


def _run(module: str, *arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    tests = Path(__file__).parent.parent
    environment["PYTHONPATH"] = prepared_interpreter.COMPILER
    return prepared_interpreter.run(module, *arguments, cwd=tests, env=environment)
