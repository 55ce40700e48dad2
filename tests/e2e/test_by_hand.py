"""What happens to hosts: containers that are started, restarted and removed by hand, and boots of all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from docker_cli import docker, run
from running import Running, model, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

IDS = ("a", "b", "late", "gone", "slow")
MODELS = (model("a"), model("b"), model("late", "--healthy-after", "4"), model("gone"), model("slow", "--pace", "0.2"))


@pytest.fixture(scope="module")
def up(double: str, own_wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("by-hand"), "by-hand", double, own_wheels) as found:
        found.write(*MODELS)
        found.up()
        yield found


@pytest.fixture(autouse=True)
def whole(up: Running) -> None:
    """Have every container there again, whatever the test before has done."""
    by_compose(up, "up", "--no-start", "--no-recreate", "--pull", "never", *(f"command-{id_}" for id_ in IDS))
    until(lambda: not any(up.served.state(id_) == "absent" for id_ in IDS))


def by_compose(up: Running, *arguments: str) -> None:
    """Use Compose on the generated file, as somebody does who knows nothing of the orchestrator."""
    files = [str(up.folder / "build" / f"docker-compose{kind}.yml") for kind in ("", ".override")]
    run(["docker", "compose", "-f", files[0], "-f", files[1], "--profile", "*", *arguments], check=True)


def is_running(up: Running, model_: str) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", up.container(f"command-{model_}")) == "true"


def test_a_model_that_is_started_by_hand_beside_another_on_its_card_is_stopped(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    by_compose(up, "start", "command-b")
    until(lambda: not is_running(up, "b"))
    assert "b: stopping (it was started from outside, and its GPU memory is in use)" in up.orchestrator_log()
    assert up.served.chat("a")[0] == 200
    until(lambda: up.served.state("b") == "stopped")


def test_a_model_that_is_started_by_hand_on_a_free_card_is_taken_over(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    up.served.ask("/models/a/stop", method="POST")
    by_compose(up, "start", "command-b")
    before = up.pid("command-b")
    until(lambda: up.served.state("b") == "ready")
    assert up.served.chat("b")[0] == 200
    assert up.pid("command-b") == before
    assert "b: starting (it was started from outside)" in up.orchestrator_log()


def test_a_model_that_is_restarted_by_hand_serves_on(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    before = up.pid("command-a")
    by_compose(up, "restart", "--timeout", "1", "command-a")
    until(lambda: up.served.state("a") == "ready" and up.pid("command-a") != before)
    assert up.served.chat("a")[0] == 200


def test_nobody_leaves_for_a_model_whose_container_was_just_removed(up: Running) -> None:
    """The streams go on, and who asks for it is told at once."""
    up.served.ask("/switch", {"model_id": "slow"})
    stream = up.stream("slow")
    stream.first()
    docker("rm", "--force", up.container("command-gone"))
    status, error = up.served.chat("gone")
    assert (status, error["error"]["message"]) == (503, "`gone` has no container; run `modelgen up`")
    assert b"[DONE]" in stream.rest()
    assert up.served.state("slow") == "ready"
    assert "slow: draining" not in up.orchestrator_log()


def test_all_is_found_as_it_is_when_the_orchestrator_boots(up: Running) -> None:
    """One engine has gone, one starts at that moment, and the others do not run."""
    up.served.ask("/switch", {"model_id": "slow"})
    up.served.ask("/models/slow/stop", method="POST")
    docker("stop", "--time", "20", up.container("orchestrator"))
    docker("rm", "--force", up.container("command-gone"))
    docker("start", up.container("command-late"))
    docker("start", up.container("orchestrator"))
    before = up.pid("command-late")
    until(lambda: run(["curl", "-sf", f"http://127.0.0.1:{up.port}/healthz"], check=False).returncode == 0)
    until(lambda: up.served.state("late") in ("starting", "ready"))
    assert up.served.chat("late")[0] == 200
    assert up.pid("command-late") == before
    assert (up.served.state("a"), up.served.state("gone")) == ("stopped", "absent")


def test_what_ran_before_a_reboot_runs_again(up: Running) -> None:
    """After a reboot no engine runs, and the Docker Engine has started the orchestrator alone."""
    up.served.ask("/switch", {"model_id": "a"})
    docker("kill", up.container("orchestrator"))
    docker("kill", up.container("command-a"))
    docker("start", up.container("orchestrator"))
    until(lambda: run(["curl", "-sf", f"http://127.0.0.1:{up.port}/healthz"], check=False).returncode == 0)
    until(lambda: up.served.state("a") == "ready")


def test_two_models_that_were_started_by_hand_while_nobody_looked_do_not_both_stay(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    docker("stop", "--time", "20", up.container("orchestrator"))
    docker("start", up.container("command-b"))
    docker("start", up.container("orchestrator"))
    until(lambda: is_running(up, "a") != is_running(up, "b"))
    until(lambda: sorted((up.served.state("a"), up.served.state("b"))) == ["ready", "stopped"])


def test_after_compose_down_and_up_the_models_are_there_again(up: Running) -> None:
    up.served.ask("/switch", {"model_id": "a"})
    by_compose(up, "rm", "--stop", "--force", "command-a", "command-b")
    until(lambda: (up.served.state("a"), up.served.state("b")) == ("absent", "absent"))
    by_compose(up, "up", "--no-start", "--pull", "never", "command-a", "command-b")
    until(lambda: up.served.state("a") != "absent" and up.served.state("b") != "absent")
    assert up.served.chat("a")[0] == 200
    assert up.served.ask("/readyz")[0] == 200
