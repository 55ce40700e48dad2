"""The container driver with a real Docker Engine and the socket proxy: the conformance of all drivers, and more."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deployment import PREFIX
from docker_cli import docker, inspect

from compiling import REPOSITORY
from container_rig import ContainerRig
from modelgen.lower import DEFAULT_SOCKET_PROXY_IMAGE
from modelgen.targets.templates import render_template
from modelgen_runtime.drivers.driver import Exit
from modelgen_runtime.engines.probing import ask
from runtime_drivers import BEHAVIOURS, PATIENCE, begun

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

RIG = f"{PREFIX}rig"
_IMPATIENT = "    http-request set-timeout server 3s if { path -m end /logs } or { path -m end /wait }"


@pytest.fixture(scope="module")
def socket_proxy(own_wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - for its image
    """A socket proxy that closes logs and waits after three idle seconds."""
    folder, name = tmp_path_factory.mktemp("socket-proxy"), f"{PREFIX}socket-proxy"
    text = render_template("socket-proxy/haproxy.cfg", str, containers=[f"{RIG}-a", f"{RIG}-b"])
    # A start may take longer on a busy machine: only what is idle for long in use is cut.
    assert text.rstrip().splitlines()[-2] == "backend engine"
    text = text.rstrip() + f"\n{_IMPATIENT}\n"
    (folder / "haproxy.cfg").write_text(text)
    mounts = ("--volume", "/var/run/docker.sock:/var/run/docker.sock", "--volume", f"{folder}:/etc/socket-proxy:ro")
    docker(
        *("run", "--detach", "--pull", "never", "--name", name, "--memory", "128m", "--user", "0:0", *mounts),
        *(
            "--cap-drop",
            "ALL",
            "--entrypoint",
            "haproxy",
            DEFAULT_SOCKET_PROXY_IMAGE,
            "-db",
            "-f",
            "/etc/socket-proxy/haproxy.cfg",
        ),
    )
    yield f"tcp://{inspect(name)['NetworkSettings']['IPAddress']}:2375"
    docker("rm", "--force", name)


@pytest.fixture
def rig(double: str, socket_proxy: str) -> Iterator[ContainerRig]:
    rig = ContainerRig(double, RIG, socket_proxy)
    yield rig
    rig.remove()


@pytest.mark.parametrize("behave", BEHAVIOURS, ids=lambda behave: behave.__name__)
def test_it_behaves_as_every_driver_does(
    rig: ContainerRig, behave: Callable[[ContainerRig], Coroutine[Any, Any, None]]
) -> None:
    asyncio.run(behave(rig))


@pytest.mark.parametrize("code", [0, 1])
def test_a_child_that_was_killed_for_the_own_limit_is_told_whatever_the_exit_code(rig: ContainerRig, code: int) -> None:
    async def behave() -> None:
        model, exits = rig.model("a", "--fill-memory", "--exit-code", str(code)), asyncio.Queue[Exit]()
        driver = rig.driver()
        async with asyncio.timeout(PATIENCE):
            await driver.adopt([model], lambda _, exit_: exits.put_nowait(exit_))
            await driver.start(model)
            ended = await exits.get()
            assert (ended.code, ended.hit_limit) == (code, True)
            await driver.close()

    asyncio.run(behave())


def test_a_container_that_somebody_killed_or_made_anew_is_told_from_that(rig: ContainerRig) -> None:
    async def behave() -> None:
        model, exits = rig.model("a"), asyncio.Queue[Exit]()
        driver = rig.driver()
        async with asyncio.timeout(PATIENCE):
            await driver.adopt([model], lambda _, exit_: exits.put_nowait(exit_))
            await driver.start(model)
            before = driver.containers()
            await asyncio.to_thread(rig.docker, "kill", f"{RIG}-a")
            ended = await exits.get()
            assert (ended.code, ended.hit_limit) == (137, False)
            await driver.look([model])
            assert driver.containers() == before
            await asyncio.to_thread(rig.docker, "rm", f"{RIG}-a")
            rig.model("a")
            await driver.look([model])
            assert driver.containers().keys() == before.keys()
            assert driver.containers() != before
            await driver.close()

    asyncio.run(behave())


def test_a_quiet_engine_is_heard_again_after_the_gate_has_cut_its_log(rig: ContainerRig) -> None:
    model = rig.model("a")

    async def run() -> None:
        async with begun(rig, model) as watched:
            endpoint = await watched.start_ready(model)
            lines = watched.driver.follow("a")
            await asyncio.sleep(4)  # the socket proxy closes after three
            await ask(endpoint, "/again", seconds=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while "GET /again" not in await anext(lines):
                    pass
            os.kill(rig.processes(model)[0], signal.SIGKILL)
            assert await watched.next_exit() == ("a", Exit(endpoint.generation, 137))

    asyncio.run(run())


def test_an_engine_that_wants_a_newer_api_gets_it(double: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shim = [sys.executable, str(Path(__file__).with_name("api_shim.py")), str(port), "/var/run/docker.sock"]
    with subprocess.Popen(shim, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        rig = ContainerRig(double, RIG, f"tcp://127.0.0.1:{port}")
        try:
            asyncio.run(BEHAVIOURS[0](rig))
        finally:
            rig.remove()
            process.terminate()


@pytest.mark.parametrize("kind", ["engines end with it", "engines survive it"])
def test_docker_may_be_started_again(double: str, kind: str) -> None:
    """In a network of its own: a second Docker would take the bridge of the first."""
    with tempfile.TemporaryDirectory(prefix="mg-", ignore_cleanup_errors=True) as folder:
        script = Path(__file__).with_name("docker_restart.py")
        command = ["unshare", "--net", sys.executable, str(script), double, folder, kind]
        paths = os.pathsep.join([*map(str, (REPOSITORY / "compiler", REPOSITORY / "tests"))])
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_end_of_an_engine_that_prints_faster_than_it_is_read_is_known(rig: ContainerRig) -> None:
    model = rig.model("a", "--say-many", "300000", "--exit-at-start", "1")

    async def run() -> None:
        async with begun(rig, model) as watched:
            await watched.driver.start(model)
            async with asyncio.timeout(4 * PATIENCE):
                await watched.exits.get()
            assert watched.driver.last_start("a")[-1:] == [f"{299_999:09d} {'x' * 90}"]

    asyncio.run(run())
