"""What a served orchestrator answers is what its /openapi.json says: schemathesis asks, and believes nothing else."""

from __future__ import annotations

import copy
import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from modelgen_runtime.control_api.openapi import DESCRIPTION
from modelgen_runtime.manifest import Profile
from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # starts processes

SAID = "ValueError: To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed"
SETTINGS = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "502", "503"]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    models = (
        engine("good"),
        engine("broken", "--say", SAID, "--exit-at-start", "1"),
        engine("huge", gib=500),
    )
    profiles = (Profile("one", ("good",)), Profile("bad", ("broken",)))
    with serving(tmp_path_factory.mktemp("served"), manifest(*models, profiles=profiles)) as running:
        yield running


def narrowed(description: dict[str, Any], names: str) -> dict[str, Any]:
    """Return a description that asks for no stream without an end and, unless for `any`, for models that there are.

    Arbitrary names get no further than 404.
    """
    paths = copy.deepcopy(description["paths"])
    follow = paths["/logs/{id}"]["get"]["parameters"][-1]
    follow["schema"] = {"type": "boolean", "enum": [False]}
    if names == "any":
        return {**description, "paths": paths}
    models = {"type": "string", "enum": ["good", "broken", "huge"]}
    for route in (route for verbs in paths.values() for route in verbs.values()):
        for parameter in route.get("parameters", ()):
            parameter["schema"] = models if parameter["name"] == "id" else parameter["schema"]
    switch = paths["/switch"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    switch |= {"model_id": models, "profile": {"type": "string", "enum": ["one", "bad"]}}
    return {**description, "paths": paths}


@pytest.mark.slow
@pytest.mark.parametrize("names", ["any", "known"])
def test_schemathesis_finds_nothing(served: Served, tmp_path: Path, names: str) -> None:
    """Streams without an end are left out: `test_streams_are_of_the_type_that_is_described` has them."""
    description = served.ask("/openapi.json")[1]
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(narrowed(description, names)))
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    program = Path(sys.executable).with_name("schemathesis")
    options = ["--phases", "coverage,fuzzing", "--max-examples", "10", "--generation-deterministic", "--no-color"]
    done = subprocess.run(
        [program, "run", described, "--url", served.url, *options, "--exclude-path-regex", "/events|/requests/live"],
        cwd=tmp_path,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", ["/events", "/requests/live", "/logs/good?follow=true"])
def test_streams_are_of_the_type_that_is_described(served: Served, path: str) -> None:
    assert served.chat("good")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    described = DESCRIPTION["paths"][path.partition("?")[0].replace("good", "{id}")]["get"]["responses"]["200"]
    assert answer.headers["Content-Type"] in described["content"]
    assert answer.readline().startswith((b": listening", b"data: "))
    connection.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/switch", "POST"),
        ("/models/good/hold", "POST"),
        ("/status", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
        ("/v1/models", "GET, HEAD"),
        ("/v1/chat/completions", "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_gets_405_and_those_that_it_takes(
    served: Served, path: str, method: str, allowed: str
) -> None:
    if method in allowed:
        return
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    answer.read()
    told = answer.headers["Allow"]
    connection.close()
    assert (answer.status, told) == (405, allowed) or (method == "QUERY" and told == "GET, HEAD, POST")


@pytest.mark.parametrize("method", ["FOO", "CONNECT"])
def test_a_method_of_which_nothing_is_known_gets_405(served: Served, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request(method, "localhost:80" if method == "CONNECT" else "/status")
    answer = connection.getresponse()
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    connection.close()
