"""A change is applied, or is not: nothing stays held in either case. Docker is a script, the orchestrator is real."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from fake_docker import FakeDocker
from modelgen.files import ModelgenError
from modelgen.operate.applying import Applying, apply
from modelgen.operate.changes import Changes, Wanted, compare
from modelgen.operate.control import Orchestrator
from modelgen.operate.deployment import Container, Deployment
from modelgen.operate.leases import Leases
from runtime_serving import Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

if sys.platform == "win32":
    pytest.skip("the orchestrator does not run on Windows", allow_module_level=True)

FOUND = {
    name: Container(f"demo-{name}", name, is_running=True, image="i:1", digest="d", model=model)
    for name, model in {"orchestrator": "", "socket-proxy": "", "command-a": "a", "command-b": "b"}.items()
}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    found = FakeDocker(tmp_path / "docker")
    monkeypatch.setenv("PATH", found.path)
    return found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """An orchestrator with two models that run."""
    with serving(tmp_path, manifest(engine("a", gib=8), engine("b", gib=8))) as found:
        assert [found.chat(name)[0] for name in ("a", "b")] == [200, 200]
        yield found


def held(served: Served) -> list[str]:
    return [model["id"] for model in served.ask("/status")[1]["models"] if model["held"]]


def task(served: Served, folder: Path) -> Applying:
    orchestrator = Orchestrator(served.url)
    return Applying(Deployment(folder, "demo"), orchestrator, orchestrator, say=lambda _: None)


def nothing() -> None:
    pass


def no_room() -> None:
    raise ModelgenError("no room")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("failing", "write", "error"),
    [
        ("", nothing, None),
        ("", no_room, ModelgenError),
        ("", interrupt, KeyboardInterrupt),
        ("stop", nothing, ModelgenError),
        ("rm", nothing, ModelgenError),
        ("create", nothing, ModelgenError),
        ("up", nothing, ModelgenError),
    ],
)
def test_nothing_stays_held_however_it_ends(  # noqa: PLR0917 - fixtures and cases
    fake: FakeDocker,
    served: Served,
    tmp_path: Path,
    failing: str,
    write: Callable[[], None],
    error: type[BaseException] | None,
) -> None:
    fake.fail(failing)
    found = {
        **FOUND,
        "socket-proxy": Container(
            "demo-socket-proxy", "socket-proxy", is_running=False, image="i:1", digest="d", model=""
        ),
    }
    changes = Changes((), ("command-a",), (FOUND["command-b"],))

    def check_then_write() -> None:
        assert held(served) == ["a", "b"]
        assert [served.state(name) for name in ("a", "b")] == ["stopped", "stopped"]
        write()

    with pytest.raises(error) if error else nullcontext():
        apply(task(served, tmp_path), changes, found, check_then_write, Leases(Orchestrator(served.url)))
    assert held(served) == []
    wait_for(lambda: served.state("a") == "ready")  # it ran before


def test_only_what_changes_is_held_and_what_ran_is_named(fake: FakeDocker, served: Served, tmp_path: Path) -> None:
    def write() -> None:
        assert held(served) == ["a"]

    changes = Changes((), ("command-a",), ())
    assert apply(task(served, tmp_path), changes, FOUND, write, Leases(Orchestrator(served.url))) == ["a"]
    assert "create --no-build --pull never command-a\n" in fake.done
    assert served.state("b") == "ready"


def test_the_socket_proxy_is_removed_under_its_old_name(fake: FakeDocker, served: Served, tmp_path: Path) -> None:
    old = Container("demo-gate", "gate", is_running=True, image="i:1", digest="d", model="")
    own = Container("demo-gate-1", "gate", is_running=True, image="i:1", digest="d", model="")
    wanted = {name: Wanted("d", "i:1", one.model) for name, one in FOUND.items()}
    found = {name: one for name, one in FOUND.items() if name != "socket-proxy"}
    changes = compare(wanted, {**found, "gate": old})
    assert (changes.new, changes.outdated, changes.is_empty) == (("socket-proxy",), (old,), False)
    assert not compare(wanted, {**found, "gate": own}).outdated
    fake.keep_old_network()
    apply(task(served, tmp_path), changes, found, nothing, Leases(Orchestrator(served.url)))
    done = fake.done.splitlines()
    assert done[-4:] == [
        "network disconnect --force demo-gate demo-gate",
        "network rm demo-gate",
        "stop demo-gate",
        "rm demo-gate",
    ]
    assert done[-5].endswith("up --detach --no-deps --no-build --pull never socket-proxy")


def test_what_an_operator_holds_stays_held(fake: FakeDocker, served: Served, tmp_path: Path) -> None:
    served.ask("/models/a/hold", {"owner": "ada"})
    changes = Changes((), ("command-a",), ())
    apply(task(served, tmp_path), changes, FOUND, nothing, Leases(Orchestrator(served.url)))
    assert held(served) == ["a"]
    assert "create" in fake.done


def test_containers_that_are_taken_over_are_made_anew(fake: FakeDocker, served: Served, tmp_path: Path) -> None:
    changes = Changes((), ("command-a", "command-b"), (), is_take_over=True)
    apply(task(served, tmp_path), changes, FOUND, nothing, Leases(Orchestrator(served.url)))
    assert "create --no-build --pull never --force-recreate command-a command-b\n" in fake.done


def test_a_lease_is_renewed_while_somebody_works(served: Served) -> None:
    def left() -> float:
        [seconds] = [one["held_for"] for one in served.ask("/status")[1]["models"] if one["id"] == "a"]
        return float(seconds)

    with Leases(Orchestrator(served.url), seconds=3.0) as leases:
        leases.hold(["a"])
        least = left()

        def was_renewed() -> bool:
            nonlocal least
            now, before = left(), least
            least = min(least, now)
            return now > before

        wait_for(was_renewed)
    assert held(served) == []


def test_one_that_cannot_be_stopped_is_said(served: Served) -> None:
    with pytest.raises(ModelgenError, match="there is no model `c`"), Leases(Orchestrator(served.url)) as leases:
        leases.hold(["a", "c"])
    assert held(served) == []


def test_the_leases_of_a_process_that_was_killed_run_out(served: Served) -> None:
    code = (
        "import sys; from modelgen.operate.control import Orchestrator; from modelgen.operate.leases import Leases\n"
        "with Leases(Orchestrator(sys.argv[1]), seconds=1.0) as leases:\n"
        "    leases.hold(['a']); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, served.url],
        env={"PYTHONPATH": str(REPOSITORY / "compiler")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert held(served) == ["a"]
        process.kill()
    wait_for(lambda: served.state("a") == "ready")
    assert held(served) == []
