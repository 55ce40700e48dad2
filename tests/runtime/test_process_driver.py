"""The process driver: the conformance of all drivers, and what only processes have."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from modelgen_runtime.drivers.driver import DriverError, Exit
from modelgen_runtime.drivers.processes import proc_table, ps_table
from modelgen_runtime.drivers.processes.ports import choose_port
from modelgen_runtime.drivers.processes.spawning import spawn_held
from modelgen_runtime.engines.readiness import wait_ready
from modelgen_runtime.manifest import Manifest, Model, Process, write_manifest
from process_rig import ProcessRig
from runtime_drivers import BEHAVIOURS, OF_OWNERS, PATIENCE, begun, until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

pytestmark = pytest.mark.slow  # starts processes

HOLDER = Path(__file__).with_name("driver_holder.py")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ProcessRig]:
    """A rig that leaves nothing behind, whatever a test has done."""
    rig = ProcessRig(tmp_path)
    yield rig

    async def sweep() -> None:
        async with begun(rig):
            pass

    if (tmp_path / "state").exists():
        asyncio.run(sweep())


@pytest.mark.parametrize("behave", [*BEHAVIOURS, *OF_OWNERS], ids=lambda behave: behave.__name__)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "without pidfd"])
def test_it_behaves_as_every_driver_does(
    rig: ProcessRig,
    behave: Callable[[ProcessRig], Coroutine[Any, Any, None]],
    loop: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if loop == "without pidfd":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    elif loop == "asyncio" and not hasattr(os, "pidfd_open"):
        pytest.skip("the same as without pidfd here")
    (uvloop.run if loop == "uvloop" else asyncio.run)(behave(rig))


def run_and_tail(rig: ProcessRig, model: Model, count: int) -> list[str]:
    """Run an engine that ends by itself, and return the end of what it printed."""

    async def run() -> list[str]:
        async with begun(rig, model) as watched:
            await watched.driver.start(model)
            await watched.next_exit()
            return watched.driver.tail(model.id, count)

    return asyncio.run(run())


def test_the_port_stands_in_arguments_and_variables_and_other_braces_stay(rig: ProcessRig) -> None:
    environment = {"ENGINE_URL": "http://127.0.0.1:{port}/", "TEMPLATE": "{model} {{port}}"}
    says = ("--say", "port {port} of {this}", "--say-env", "ENGINE_URL", "--say-env", "TEMPLATE")
    model = rig.model("a", *says, "--exit-at-start", "0", environment=environment)
    said, url, template = run_and_tail(rig, model, 3)
    port = said.split()[1]
    assert said == f"port {port} of {{this}}"
    assert url == f"ENGINE_URL=http://127.0.0.1:{port}/"
    assert template == f"TEMPLATE={{model}} {{{port}}}"


SECRETS = {
    "MODELGEN_KEY": "opens the control API",
    "HF_TOKEN": "of whoever fetches",
    "AWS_SECRET_ACCESS_KEY": "of a cloud",
    "OPENAI_API_KEY": "of another program",
    "VLLM_API_KEY": "would lock the engine",
    "NVIDIA_API_KEY": "of a family that is inherited otherwise",
    "HTTPS_PROXY": "http://user:password@proxy.example",
    "DATABASE_URL": "postgres://user:password@db.example",
    "SSH_AUTH_SOCK": "/tmp/agent",
    "ANY_OTHER": "that nobody has thought of",
}
OF_THIS_HOST = {
    "LC_TIME": "de_DE.UTF-8",
    "CUDA_HOME": "/usr/local/cuda",
    "NVIDIA_DRIVER_CAPABILITIES": "all",
    "HSA_OVERRIDE_GFX_VERSION": "11.0.0",
    "LD_LIBRARY_PATH": "/opt/lib",
    "XDG_DATA_HOME": "/srv/data",
    "HF_HOME": "/srv/hub",
    "TMPDIR": "/var/tmp",
}


def test_an_engine_inherits_what_describes_the_host_and_no_secret(
    rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SECRETS, **OF_THIS_HOST}.items():
        monkeypatch.setenv(name, value)
    says = [part for name in (*SECRETS, *OF_THIS_HOST) for part in ("--say-env", name)]
    model = rig.model("a", *says, "--exit-at-start", "0")
    told = [f"{name} is not set" for name in SECRETS] + [f"{name}={value}" for name, value in OF_THIS_HOST.items()]
    assert run_and_tail(rig, model, len(told)) == told


def test_the_models_own_variables_come_last(rig: ProcessRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    model = rig.model(
        "a", "--say-env", "TZ", "--say-env", "OWN", "--exit-at-start", "0", environment={"TZ": "CET", "OWN": "1"}
    )
    assert run_and_tail(rig, model, 2) == ["TZ=CET", "OWN=1"]


def test_odd_arguments_arrive_as_they_are(rig: ProcessRig) -> None:
    model = rig.model("a", "--say", "  $HOME `id` \"'; é*  ", "--say", "", "--exit-at-start", "0")
    assert run_and_tail(rig, model, 2) == ["  $HOME `id` \"'; é*  ", ""]


def test_an_engine_runs_in_its_directory_with_nothing_to_read(rig: ProcessRig, tmp_path: Path) -> None:
    script = tmp_path / "here" / "engine"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\npwd\nread -r line || echo "nothing to read"\n')
    script.chmod(0o755)
    model = dataclasses.replace(rig.model("a"), process=Process(("./engine",), {}, str(script.parent)))
    assert run_and_tail(rig, model, 2) == [str(script.parent), "nothing to read"]


def test_an_engine_has_the_signals_of_a_fresh_process(rig: ProcessRig) -> None:
    """With SIGPIPE ignored, as it is in Python, a program prints on after its reader has left, and complains."""
    model = dataclasses.replace(rig.model("a"), process=Process(("sh", "-c", "yes | head -n 1")))
    assert run_and_tail(rig, model, 2)[1:] == ["y"]


def test_a_worker_has_its_grace_when_its_leader_ends_at_once(rig: ProcessRig) -> None:
    worker = "(trap 'sleep 0.2; echo all saved; exit' TERM; echo at work; while :; do sleep 0.01; done)"
    model = dataclasses.replace(rig.model("a"), process=Process(("sh", "-c", f"{worker} & wait")))

    async def run() -> None:
        async with begun(rig, model) as watched:
            await watched.driver.start(model)
            await until(lambda: "at work" in watched.driver.tail("a", 1))
            await watched.driver.stop(model)
            assert "all saved" in watched.driver.tail("a", 3)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (Process(("no-such-engine",)), "no program `no-such-engine` on PATH: install it"),
        (Process(("./no-such-engine",)), "no program `./no-such-engine` that can be run"),
        (Process(("true",), {"PATH": "/nowhere"}), "no program `true` on PATH"),
        (Process(("true",), {}, "/no/such/place"), "no directory /no/such/place"),
        (Process(()), "its command is empty"),
        (Process(("true", "x" * 10_000_000)), "the system refuses to run `true`: .*too long"),
        (Process(("true", "a\0b")), "the system refuses to run `true`: embedded null"),
    ],
)
def test_what_cannot_be_started_is_said_at_once(rig: ProcessRig, process: Process, message: str) -> None:
    async def start() -> None:
        model = dataclasses.replace(rig.model("a"), process=process)
        async with begun(rig, model) as watched:
            with pytest.raises(DriverError, match=f"cannot be started: .*{message}"):
                await watched.driver.start(model)
            if "the system refuses" not in message:  # which only a try can tell
                with pytest.raises(DriverError, match=f"cannot be started: .*{message}"):
                    await watched.driver.check(model)

    asyncio.run(start())


def test_an_engine_that_was_started_otherwise_is_ended_and_not_adopted(rig: ProcessRig) -> None:
    before = rig.model("a")
    assert before.process is not None
    for process in (
        dataclasses.replace(before.process, arguments=(*before.process.arguments, "--chunks", "5")),
        dataclasses.replace(before.process, environment={"CUDA_VISIBLE_DEVICES": "1"}),
        dataclasses.replace(before.process, directory="/"),
    ):

        async def start_and_change(after: Model) -> None:
            async with begun(rig, before) as watched:
                await watched.start_ready(before)
            async with begun(rig, after) as watched:
                assert watched.found == {}
                assert rig.processes(before) == []
                assert watched.exits.empty()

        asyncio.run(start_and_change(dataclasses.replace(before, process=process)))


def test_a_change_that_is_not_of_its_start_lets_an_engine_be_adopted(rig: ProcessRig) -> None:
    async def start_and_change() -> None:
        model = rig.model("a")
        async with begun(rig, model) as watched:
            endpoint = await watched.start_ready(model)
        async with begun(rig, dataclasses.replace(model, idle_timeout=5.0)) as watched:
            assert watched.found == {"a": endpoint}

    asyncio.run(start_and_change())


def test_a_process_that_has_got_the_number_of_an_engine_is_neither_adopted_nor_ended(rig: ProcessRig) -> None:
    model = rig.model("a")

    async def start() -> None:
        async with begun(rig, model) as watched:
            await watched.start_ready(model)

    async def adopt() -> None:
        async with begun(rig, model) as watched:
            assert watched.found == {}
        async with begun(rig):
            pass

    asyncio.run(start())
    (engine,) = rig.processes(model)
    # Only now, for numbers are told apart by when their processes began, to a hundredth of a second.
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        try:
            edit_state(rig, pid=stranger.pid)
            asyncio.run(adopt())
            assert stranger.poll() is None
        finally:
            stranger.kill()
            os.kill(engine, signal.SIGKILL)


def test_a_group_that_has_lost_its_leader_in_between_is_ended(rig: ProcessRig) -> None:
    async def start_and_kill() -> None:
        model = rig.model("a", "--child", stop_grace=0.2)
        async with begun(rig, model) as watched:
            await watched.start_ready(model)
        leader, worker = sorted(rig.processes(model))
        os.kill(leader, signal.SIGKILL)
        await until(lambda: rig.processes(model) == [worker])
        async with begun(rig, model) as watched:
            assert watched.found == {}
            assert rig.processes(model) == []

    asyncio.run(start_and_kill())


def edit_state(rig: ProcessRig, **fields: object) -> None:
    path = rig.directory / "state" / "processes.json"
    tree = json.loads(path.read_text())
    (engine,) = tree["engines"]
    engine.update(fields)
    path.write_text(json.dumps(tree))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pid": 1}, "`pid` cannot be 1"),
        ({"pid": -1}, "`pid` cannot be -1"),
        ({"pid": "12"}, "`pid` must be of type int"),
        ({"more": 1}, "more"),
    ],
)
def test_a_state_that_could_end_anything_is_refused(rig: ProcessRig, fields: dict[str, object], message: str) -> None:
    async def start_and_spoil() -> None:
        model = rig.model("a")
        async with begun(rig, model) as watched:
            await watched.driver.start(model)
        whole = (rig.directory / "state" / "processes.json").read_bytes()
        edit_state(rig, **fields)
        with pytest.raises(DriverError, match=rf"processes\.json is damaged .*{message}.*remove the file"):
            async with begun(rig, model):
                pass
        (rig.directory / "state" / "processes.json").write_bytes(whole)

    asyncio.run(start_and_spoil())


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "damaged"), ("[]", "damaged"), ('{"format": 2, "engines": []}', "format 2, this orchestrator reads 1")],
)
def test_a_state_that_cannot_be_read_is_refused(rig: ProcessRig, text: str, message: str) -> None:
    path = rig.directory / "state" / "processes.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DriverError, match=message):
        asyncio.run(begin(rig))
    path.write_text("")  # as a power failure leaves it
    asyncio.run(begin(rig))


async def begin(rig: ProcessRig) -> None:
    async with begun(rig):
        pass


def test_where_an_engine_could_not_be_found_again_it_is_not_started_without_a_record(
    rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelgen_runtime.drivers.processes.driver.FINDS_MARKED", False)

    async def start_without_room() -> None:
        model = rig.model("a")
        async with begun(rig, model) as watched:
            (rig.directory / "state" / "processes.json.new").mkdir()
            for asked in (watched.driver.check, watched.driver.start):
                with pytest.raises(DriverError, match="cannot be recorded"):
                    await asked(model)
            assert rig.processes(model) == []
            (rig.directory / "state" / "processes.json.new").rmdir()
            await watched.start_ready(model)

    asyncio.run(start_without_room())


def test_a_hub_directory_that_is_gone_is_seen_before_a_start(rig: ProcessRig, tmp_path: Path) -> None:
    environment = {"HF_HUB_CACHE": str(tmp_path / "hub")}

    async def look(model: Model) -> None:
        async with begun(rig, model) as watched:
            await watched.driver.check(model)

    model = rig.model("a", environment=environment)
    asyncio.run(look(model))  # nobody knows whether this program reads it
    model = dataclasses.replace(model, engine="vllm")
    with pytest.raises(DriverError, match=r"there is no hub directory .*/hub: run `modelgen fetch`"):
        asyncio.run(look(model))
    (tmp_path / "hub").mkdir()
    asyncio.run(look(model))


def test_too_few_descriptors_are_seen_before_a_start(rig: ProcessRig) -> None:
    model = rig.model("a")

    async def look() -> None:
        async with begun(rig, model) as watched:
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (15, limits[1]))
            try:
                with pytest.raises(DriverError, match="Too many open files: raise the limit"):
                    await watched.driver.check(model)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    asyncio.run(look())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_an_engine_that_died_left_outside_of_its_group_is_ended_and_told(
    rig: ProcessRig, caplog: pytest.LogCaptureFixture
) -> None:
    model = rig.model("a", "--daemon")

    async def run() -> None:
        async with begun(rig, model) as watched:
            endpoint = await watched.start_ready(model)
            leader, daemon = sorted(rig.processes(model))
            os.kill(leader, signal.SIGKILL)
            assert await watched.next_exit() == ("a", Exit(endpoint.generation, -9))
            assert rig.processes(model) == []
            assert (
                f"a left processes outside of its process group, which are being stopped: {{{daemon}}}" in caplog.text
            )

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_was_left_behind_by_an_engine_that_ended_in_between_is_ended(rig: ProcessRig) -> None:
    model = rig.model("a", "--daemon")

    async def run() -> None:
        async with begun(rig, model) as watched:
            await watched.start_ready(model)
        leader, daemon = sorted(rig.processes(model))
        os.kill(leader, signal.SIGKILL)
        await until(lambda: rig.processes(model) == [daemon])
        async with begun(rig, model):
            assert rig.processes(model) == []

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_card_is_not_free_while_something_that_was_left_behind_lives(
    rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelgen_runtime.drivers.processes.left_behind.KILL_SECONDS", 0.1)
    monkeypatch.setattr("modelgen_runtime.drivers.processes.groups.KILL_SECONDS", 0.5)
    model = rig.model("a", "--daemon", stop_grace=0.2)

    async def run() -> None:
        async with begun(rig, model) as watched:
            await watched.start_ready(model)
            daemon = max(rig.processes(model))
            with monkeypatch.context() as patch:
                patch.setattr("modelgen_runtime.drivers.processes.left_behind._kill", lambda _pid, _mark: None)
                with pytest.raises(DriverError, match=rf"the processes \[{daemon}\], which it left behind"):
                    await watched.driver.stop(model)
                assert watched.exits.empty()
            await watched.driver.stop(model)
            assert rig.processes(model) == []

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_exit_of_an_engine_tells_that_something_of_it_lives_on(
    rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelgen_runtime.drivers.processes.left_behind.KILL_SECONDS", 0.1)
    model = rig.model("a", "--daemon", stop_grace=0.2)

    async def run() -> None:
        async with begun(rig, model) as watched:
            endpoint = await watched.start_ready(model)
            leader, daemon = sorted(rig.processes(model))
            with monkeypatch.context() as patch:
                patch.setattr("modelgen_runtime.drivers.processes.left_behind._kill", lambda _pid, _mark: None)
                os.kill(leader, signal.SIGKILL)
                assert await watched.next_exit() == ("a", Exit(endpoint.generation, -9, is_gone=False))
                assert rig.processes(model) == [daemon]
            await watched.driver.stop(model)
            assert rig.processes(model) == []
            assert watched.exits.empty()

    asyncio.run(run())


def test_an_engine_whose_record_was_never_written_does_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    with (tmp_path / "log").open("wb") as log:
        held = spawn_held(Process(("touch", str(ran))), 20_000, log.fileno())
        os.close(held.barrier)  # as the system does when the orchestrator is killed
        os.waitpid(held.pid, 0)
    assert not ran.exists()


def hold(rig: ProcessRig, *models: Model) -> subprocess.Popen[str]:
    """Start another process that starts these models."""
    manifest = rig.directory / "manifest.json"
    manifest.write_bytes(write_manifest(Manifest("test", "process", models)))
    command = [sys.executable, str(HOLDER), str(rig.directory / "state"), str(manifest)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_engines_go_on_when_the_orchestrator_is_killed_and_the_next_one_has_them(rig: ProcessRig) -> None:
    one, two = rig.model("a"), rig.model("b", "--child")

    async def adopt(said: dict[str, list[str]]) -> None:
        async with begun(rig, one) as watched:
            endpoint = watched.found["a"]
            assert [str(endpoint.port), endpoint.generation] == said["a"]
            assert rig.processes(two) == []
            await wait_ready(one, endpoint, asyncio.get_running_loop().create_future())
            await watched.driver.stop(one)
            assert await watched.next_exit() == ("a", Exit(endpoint.generation, None))
            assert rig.processes(one) == []
            assert watched.driver.tail("a", 1) == ["got SIGTERM"]  # it could still print

    with hold(rig, one, two) as holder:
        assert holder.stdout is not None
        started = [holder.stdout.readline().split() for _ in ("begun", one, two)][1:]
        holder.kill()
    asyncio.run(adopt({model: said for _, model, *said in started}))


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 8, 16])
def test_nothing_is_left_when_the_orchestrator_is_killed_at_any_moment_of_its_starts(
    rig: ProcessRig, milliseconds: int
) -> None:
    models = [rig.model(f"m{index}") for index in range(4)]
    with hold(rig, *models) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "begun\n"
        try:
            holder.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            holder.kill()

    async def begin_without_models() -> None:
        await begin(rig)
        await until(lambda: not any(rig.processes(model) for model in models))

    asyncio.run(begin_without_models())


def test_the_log_is_bounded_while_the_engine_holds_it_open(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path, log_limit=20_000)
    model = rig.model("a", "--say-many", "1000")

    async def print_much() -> None:
        async with begun(rig, model) as watched:
            lines = watched.driver.follow("a")
            await watched.start_ready(model)
            await until(lambda: log.stat().st_size < 20_000)
            await watched.driver.stop(model)
            seen = []
            async with asyncio.timeout(PATIENCE):
                async for line in lines:
                    seen.append(line)
                    if line == "got SIGTERM":
                        break
            numbers = [int(line[:9]) for line in seen if line[:9].isdecimal()]
            assert len(numbers) > 100, seen
            assert numbers == list(range(1000))[-len(numbers) :]
            assert seen[0] == "[modelgen] some lines were left out"
            assert watched.driver.tail("a", 1000) == seen[1:]

    log = tmp_path / "state" / "logs" / "a.log"
    asyncio.run(print_much())
    assert sum(path.stat().st_size for path in log.parent.iterdir()) <= 2 * 20_000


def count_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_nothing_is_leaked_by_many_starts(rig: ProcessRig) -> None:
    async def start_often() -> None:
        model = rig.model("a")
        async with begun(rig, model) as watched:
            counts = []
            for _ in range(5):
                await watched.driver.start(model)
                await watched.driver.stop(model)
                counts.append((count_descriptors(), len(asyncio.all_tasks())))
            assert len(set(counts)) == 1

    asyncio.run(start_often())


def test_a_driver_that_is_closed_right_after_a_start_holds_nothing(rig: ProcessRig) -> None:
    async def start_and_close() -> None:
        counts = []
        for name in ("a", "b", "c"):
            models = [rig.model(other) for other in ("a", "b", "c") if other <= name]
            async with begun(rig, *models) as watched:
                await watched.driver.start(models[-1])
            await asyncio.sleep(0)  # what was cancelled lets go in the next round of the loop
            counts.append((count_descriptors(), len(asyncio.all_tasks())))
        assert len(set(counts)) == 1

    asyncio.run(start_and_close())


def test_a_port_that_somebody_listens_on_is_not_chosen() -> None:
    with socket.create_server(("127.0.0.1", choose_port(set()))) as server:
        taken = server.getsockname()[1]
        with pytest.raises(DriverError, match="no port from 20000 to 29999 is free"):
            choose_port(set(range(20_000, 30_000)) - {taken})
    assert choose_port(set(range(20_000, 30_000)) - {taken}) == taken


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs both ways")
def test_both_ways_to_ask_about_processes_agree() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"], start_new_session=True) as leader:
        try:
            for table in (proc_table, ps_table):
                assert table.identify(leader.pid) is not None
                assert table.identify(leader.pid) == table.identify(leader.pid)
                assert table.identify(leader.pid) != table.identify(os.getpid())
            assert sorted(proc_table.list_group(leader.pid)) == sorted(ps_table.list_group(leader.pid))
            assert leader.pid in ps_table.list_group(leader.pid)
        finally:
            os.killpg(leader.pid, signal.SIGKILL)
    for table in (proc_table, ps_table):
        assert table.identify(leader.pid) is None
        assert leader.pid not in table.list_group(leader.pid)


def test_an_end_is_seen_although_no_file_can_be_opened_for_a_while(rig: ProcessRig) -> None:
    """The watch died of it unseen, and its model counted as stuck on its card until the orchestrator was restarted."""
    model = rig.model("a", "--child", stop_grace=0.2)

    async def run() -> None:
        exits: asyncio.Queue[Exit] = asyncio.Queue()
        driver = rig.driver()
        await driver.adopt([model], lambda _, ended: exits.put_nowait(ended))
        await driver.start(model)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        await until(lambda: len(rig.processes(model)) == 2)
        pids = rig.processes(model)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            os.kill(pids[0], signal.SIGKILL)
            async with asyncio.timeout(PATIENCE):
                assert not (await exits.get()).is_gone  # for all that can be seen
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await driver.stop(model)
        await driver.start(model)
        await driver.stop(model)
        await driver.close()

    asyncio.run(run())
