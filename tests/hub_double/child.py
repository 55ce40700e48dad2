"""Clients of the double in processes of their own: the real client reads its settings when it is imported."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub_double.hub import Hub

ASK = """
import json, sys
import huggingface_hub as hf
from dataclasses import asdict, is_dataclass
api = hf.HfApi()
def plain(value):
    return asdict(value) if is_dataclass(value) else str(value)
def result(expression):
    try:
        return eval(expression)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
answers = [result(expression) for expression in sys.argv[1:]]
print(json.dumps(answers, default=plain))
"""
FETCH = """
import base64, json, sys, urllib.error, urllib.request
patience, requests = json.load(sys.stdin)
def fetch(url, headers):
    body = b""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=patience) as response:
            while block := response.read1():
                body += block
            short = int(response.headers["Content-Length"]) - len(body)
            return response.status, dict(response.headers), encoded(body), f"{short} bytes are missing" if short else ""
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), encoded(error.read()), ""
    except OSError as error:
        return 0, {}, encoded(body), type(error).__name__
def encoded(body):
    return base64.b64encode(body).decode()
print(json.dumps([fetch(*request) for request in requests]))
"""


class Answer(NamedTuple):
    """What came back; without a status, what went wrong."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str


def hf(hub: Hub, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line."""
    return _run([sys.executable, "-m", "huggingface_hub.cli.hf", *arguments], hub.environment | environment)


def ask(hub: Hub, *expressions: str, **environment: str) -> list[Any]:
    """Evaluate expressions of `hf`, the package, and `api`, an HfApi; what is raised is told as `Class: message`."""
    done = _run([sys.executable, "-c", ASK, *expressions], hub.environment | environment)
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def fetch(hub: Hub, path: str, *each: Mapping[str, str], patience: float = 60) -> list[Answer]:
    """GET a path once for each of these sets of headers, following redirects; `patience` is for silence, in seconds."""
    requests = json.dumps([patience, [(hub.endpoint + path, headers) for headers in each]])
    done = _run([sys.executable, "-c", FETCH], hub.environment, requests)
    assert done.returncode == 0, done.stderr
    return [
        Answer(status, headers, base64.b64decode(body), error)
        for status, headers, body, error in json.loads(done.stdout)
    ]


def _run(command: list[str], environment: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
