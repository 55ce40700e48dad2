"""The orchestrator in Docker: it switches, survives and tells, and reaches nothing that it does not need."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from docker_cli import docker, inspect, run
from outside import SERVER, attempt, outside
from running import Running, model, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

MODELS = (
    model("a", "--chunks", "5", "--pace", "0.05"),
    model("b", "--chunks", "5", "--pace", "0.05"),
    model("slow", "--chunks", "100", "--pace", "0.05"),
    model("never", "--healthy-after", "1000", timeout="1s"),
    model("quits", "--exit-at-start", "0"),
    model("unused"),
)


@pytest.fixture(scope="module")
def up(double: str, own_wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("orchestrator"), "orchestrator", double, own_wheels) as found:
        found.write(*MODELS)
        found.up()
        yield found


def test_it_switches_in_both_directions_and_by_a_chat(up: Running) -> None:
    for wanted, other in (("a", "b"), ("b", "a")):
        status, told = up.served.ask("/switch", {"model_id": wanted})
        assert (status, told["status"]) == (200, "ready")
        assert (up.served.state(wanted), up.served.state(other)) == ("ready", "stopped")
    assert up.served.chat("a")[0] == 200
    assert (up.served.state("a"), up.served.state("b")) == ("ready", "stopped")
    assert up.modelgen("status").stdout.count("\n") == 9
    assert "a: ready" in up.modelgen("switch", "a").stdout + up.modelgen("switch", "a").stderr
    assert "listening on 8000" in up.modelgen("logs", "a").stdout


def test_an_engine_that_is_killed_is_told_and_comes_back(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "slow"})
    stream = up.stream("slow")
    stream.first()
    os.kill(up.engine_pid("slow"), signal.SIGKILL)
    assert b"[DONE]" not in stream.rest()
    until(lambda: "slow: failed (died (exit code 137)" in up.orchestrator_log())
    assert up.served.chat("slow")[0] == 200


def test_an_orchestrator_that_is_killed_takes_over_what_runs(up: Running) -> None:
    """By its pid: `docker kill` would disarm `unless-stopped`."""
    up.served.ask("/switch", {"model_id": "b"})
    engine, before = up.id("command-b"), up.pid("command-b")
    with ThreadPoolExecutor(1) as pool:
        chat = pool.submit(lambda: up.stream("b").rest())
        chat.result()
        os.kill(up.pid("orchestrator"), signal.SIGKILL)
    until(lambda: inspect(up.container("orchestrator"))["RestartCount"] > 0)
    until(lambda: answers(up))
    assert up.served.chat("b")[0] == 200
    assert (up.id("command-b"), up.pid("command-b")) == (engine, before)


def test_an_orchestrator_that_is_killed_in_a_switch_ends_it_later(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    assert up.served.ask("/switch", {"model_id": "b", "wait": False})[0] == 202
    os.kill(up.pid("orchestrator"), signal.SIGKILL)
    until(lambda: answers(up))
    for wanted in ("a", "b"):
        assert up.served.chat(wanted)[0] == 200


def answers(up: Running) -> bool:
    return run(["curl", "--silent", "--fail", f"http://127.0.0.1:{up.port}/readyz"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "says"), [("never", "was not ready"), ("quits", "ended before it was ready (exit code 0)")]
)
def test_an_engine_that_does_not_serve_is_told_and_what_ran_comes_back(up: Running, name: str, says: str) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    status, problem = up.served.ask("/switch", {"model_id": name})
    assert status == 503
    assert says in problem["detail"], problem
    until(lambda: up.served.state("a") == "ready")
    assert says in up.modelgen("why", name).stdout


def test_what_is_pruned_is_absent_until_the_next_up(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    docker("container", "prune", "--force", "--filter", f"label=com.docker.compose.project={up.project}")
    until(lambda: up.served.state("b") == "absent")
    status, problem = up.served.chat("b")
    assert (status, problem["error"]["message"]) == (503, "`b` has no container; run `modelgen up`")
    status, told = up.served.ask("/readyz")
    assert (status, "`b` has no container; run `modelgen up`" in told["faults"]) == (503, True)
    assert up.modelgen("why", "b").stdout == "b has no container: it was removed; `modelgen up` creates it again\n"
    done = up.modelgen("logs", "unused", check=False)
    assert (done.returncode, done.stderr) == (3, "modelgen: `unused` has no container; run `modelgen up`\n")
    assert up.served.chat("a")[0] == 200
    up.up()
    assert up.served.chat("b")[0] == 200


ALLOWED = [
    ("GET", "/version"),
    ("GET", "/_ping"),
    ("GET", "/v1.41/containers/NAME/json"),
    ("GET", "/v1.41/containers/NAME/logs?stdout=1&tail=1"),
    ("POST", "/v1.41/containers/NAME/stop?t=1"),
]
REFUSED = [
    ("GET", "/v1.41/containers/json"),
    ("GET", "/containers/NAME/json"),
    ("GET", "/v1.41/info"),
    ("GET", "/v1.41/events"),
    ("GET", "/v1.41/images/json"),
    ("POST", "/v1.41/containers/create?name=NAME"),
    ("POST", "/v1.41/containers/NAME/exec"),
    ("POST", "/v1.41/containers/NAME/kill"),
    ("POST", "/v1.41/containers/NAME/attach"),
    ("POST", "/v1.41/containers/NAME/update"),
    ("GET", "/v1.41/containers/NAME/archive?path=/"),
    ("DELETE", "/v1.41/containers/NAME"),
    ("PUT", "/v1.41/containers/NAME/archive?path=/"),
    ("HEAD", "/v1.41/containers/NAME/json"),
    ("POST", "/v1.41/containers/NAME/json"),
    ("GET", "/v1.41/containers/NAME/start"),
    ("POST", "/v1.41/containers/PROJECT-socket-proxy/stop"),
    ("POST", "/v1.41/containers/PROJECT-orchestrator/stop"),
    ("GET", "/v1.41/containers/PROJECT-orchestrator/json"),
    ("POST", "/v1.41/containers/NAME/../PROJECT-socket-proxy/stop"),
    ("POST", "/v1.41/containers/NAME%2F..%2FPROJECT-socket-proxy/stop"),
    ("POST", "/v1.41/containers/%4EAME/stop"),
    ("POST", "//v1.41/containers/NAME/stop"),
    ("POST", "/v1.41//containers/NAME/stop"),
    ("POST", "/v1.41/containers/NAME/stop/"),
    ("POST", "/v1.41/./containers/NAME/stop"),
    ("POST", "/v1.41/containers/NAMEx/stop"),
    ("POST", "/v1.23/containers/NAME/start"),  # took a configuration in its body
    ("POST", "/v1.2/containers/NAME/start"),
]
_ASK = """
import http.client, json, sys
found = []
for method, path, body in json.loads(sys.argv[1]):
    connection = http.client.HTTPConnection("socket-proxy", 2375, timeout=10)
    connection.putrequest(method, path, skip_accept_encoding=True)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body.encode())
    found.append(connection.getresponse().status)
print(json.dumps(found))
"""


def test_the_gate_lets_through_what_is_needed_and_nothing_else(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    name = up.container("command-b")
    rows = [
        [verb, path.replace("NAME", name).replace("PROJECT", up.project), ""] for verb, path in (*ALLOWED, *REFUSED)
    ]
    rows.append(["POST", f"/v1.41/containers/{name}/start", json.dumps({"Privileged": True})])
    answers = json.loads(docker("exec", up.container("orchestrator"), "python3", "-c", _ASK, json.dumps(rows)))
    assert set(answers[: len(ALLOWED)]) <= {200, 204, 304}, answers
    let_through = [row for row, status in zip(rows, answers, strict=True) if status != 403][len(ALLOWED) :]
    assert let_through == []


_LOOK = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps({
    "capabilities": {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} != {"0" * 16},
    "uid": os.getuid(),
    "socket": os.path.exists("/var/run/docker.sock"),
    "writable": [path for path in ("/", "/app", "/etc/modelgen") if os.access(path, os.W_OK)],
}))
"""


def from_engine(up: Running, code: str) -> bool:
    """Tell whether Python code goes well in an engine's container."""
    return run(["docker", "exec", up.container("command-a"), "python3", "-c", code], check=False).returncode == 0


def test_nothing_is_in_reach_that_is_not_needed(up: Running, double: str) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    seen = json.loads(docker("exec", up.container("orchestrator"), "python3", "-c", _LOOK))
    assert seen == {"capabilities": False, "uid": 65532, "socket": False, "writable": []}
    with outside(double):
        for service in ("orchestrator", "command-a"):
            assert attempt(up.container(service), SERVER) != "connected"
    [proxy] = inspect(up.container("socket-proxy"))["NetworkSettings"]["Networks"].values()
    assert not from_engine(up, f"import socket; socket.create_connection(('{proxy['IPAddress']}', 2375), 3)")
    mounts = {mount["Destination"] for mount in inspect(up.container("orchestrator"))["Mounts"]}
    assert mounts == {"/etc/modelgen", "/state"}
    assert [*inspect(up.container("socket-proxy"))["NetworkSettings"]["Networks"]] == [f"{up.project}-socket-proxy"]
