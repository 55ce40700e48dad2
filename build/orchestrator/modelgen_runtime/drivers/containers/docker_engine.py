"""The part of the Docker Engine's API that the socket proxy allows, with errors in sentences."""

from __future__ import annotations

import asyncio
import contextlib
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiodocker
import aiohttp

from modelgen_runtime.drivers.driver import AbsentError, DriverError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

_UNIX = "unix://"
_UNREACHABLE = 900
"""Status that aiodocker uses for a Docker Engine that does not answer."""
_PATIENCE = 30.0
_HEADER = struct.Struct(">BxxxL")
_OF_GATE = (502, 503, 504)


class UnreachableError(DriverError):
    """The Docker Engine or the socket proxy does not answer at the moment."""


@dataclass(frozen=True, slots=True)
class Found:
    """The state of a container.

    Args:
        id: Its id, which changes when it is recreated.
        is_running: Whether it runs.
        started: Time of its last start, in the Docker Engine's format.
        exit_code: Exit code of its last run.
        environment: Its environment variables.
        hindrance: Why it cannot be started, as the end of a sentence; None if nothing is known.
        hit_limit: Whether the kernel killed a process of its last run for its memory limit.
    """

    id: str
    is_running: bool
    started: str
    exit_code: int
    environment: dict[str, str]
    hindrance: str | None = None
    hit_limit: bool = False

    @property
    def generation(self) -> str:
        """Identifies the last start."""
        return f"{self.id[:12]}@{self.started}"


class DockerEngine:
    """A connection to a Docker Engine, which is reopened when necessary.

    Args:
        address: `tcp://host:port` or `unix:///path`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        timeout = aiohttp.ClientTimeout(total=_PATIENCE, sock_connect=_PATIENCE)
        # Without a limit on connections: each running engine occupies two, for its exit and its log.
        connector: aiohttp.BaseConnector
        if address.startswith(_UNIX):
            connector = aiohttp.UnixConnector(address.removeprefix(_UNIX), limit=0)
            url = "http://localhost"
        else:
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
            url = address.replace("tcp://", "http://", 1)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._session, self._url = session, url
        self._client = aiodocker.Docker(url=self._url, connector=connector, session=session, timeout=timeout)

    async def find(self, name: str) -> Found:
        """Return the state of a container.

        Raises:
            AbsentError: There is none of that name.
            UnreachableError: Docker does not answer.
            DriverError: It says no.
        """
        with self._errors(name):
            info = await self._container(name).show()
        state, config = info["State"], info["Config"]
        pairs = [entry.partition("=") for entry in config.get("Env") or ()]
        environment = {key: value for key, _, value in pairs}
        return Found(
            info["Id"],
            bool(state["Running"]),
            state["StartedAt"],
            int(state["ExitCode"]),
            environment,
            _hindrance(state, info.get("Mounts") or ()),
            hit_limit=bool(state.get("OOMKilled")),
        )

    async def start(self, name: str) -> None:
        """Start a container, unless it runs. Raises as `find` does."""
        with self._errors(name):
            await self._container(name).start()

    async def stop(self, name: str, grace: float) -> None:
        """Stop a container if it runs, and return once it has stopped. Raises as `find` does.

        Args:
            name: The name of the container.
            grace: Seconds from SIGTERM to SIGKILL, rounded up: Docker counts whole ones.
        """
        seconds = math.ceil(grace)
        with self._errors(name):
            timeout = aiohttp.ClientTimeout(total=seconds + _PATIENCE, sock_connect=_PATIENCE)
            await self._container(name).stop(t=seconds, timeout=timeout)

    async def wait(self, name: str) -> int:
        """Return the exit code of a container once it does not run. Raises as `find` does."""
        with self._errors(name):
            info = await self._container(name).wait()
        return int(info["StatusCode"])

    async def read_log(self, name: str, **query: str) -> AsyncIterator[tuple[str, bytes]]:
        """Yield the output of a container: the time, and a line or a part of a long one. Raises as `find` does.

        By aiohttp itself: aiodocker's own reader drops bytes that are not text, and keeps the connection of a log whose
        reader has stopped.

        Args:
            name: The name of the container.
            query: Further parameters: `tail`, `since`; with `follow` it ends with the container, or when the socket
                proxy closes an idle connection.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_PATIENCE)
        parameters = {"stdout": "1", "stderr": "1", "timestamps": "1", **query}
        with self._errors(name):
            await self._client.version()  # negotiates the version if necessary
            url = f"{self._url}/{self._client.api_version}/containers/{name}/logs"
            async with self._session.get(url, params=parameters, timeout=timeout) as answer:
                if answer.status != 200:
                    raise aiodocker.DockerError(answer.status, await answer.text())
                async for entry in _entries(answer.content):
                    time, _, text = entry.partition(b" ")
                    yield time.decode("ascii", "replace"), text

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _container(self, name: str) -> aiodocker.containers.DockerContainer:
        return self._client.containers.container(name)

    @contextlib.contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except aiodocker.DockerError as error:
            if error.status == _UNREACHABLE or error.status in _OF_GATE:
                raise self._unreachable(error.message) from error
            if error.status == 404:
                raise AbsentError(f"has no container `{name}` ({_sentence(error.message)})") from error
            if error.status == 403:
                raise DriverError(f"the socket proxy refuses calls about `{name}`; run `modelgen up`") from error
            if error.status == 400 and "version" in str(error.message):
                raise self._unreachable(error.message) from error
            raise DriverError(_sentence(error.message)) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error

    def _unreachable(self, reason: object) -> UnreachableError:
        # It may be another release when it is back, so the API version is negotiated again.
        self._client.api_version = "auto"
        return UnreachableError(f"Docker does not answer at {self._address} ({_sentence(reason)})")


def _hindrance(state: Mapping[str, Any], mounts: Iterable[Mapping[str, Any]]) -> str | None:
    """Return why a container cannot be started, as far as Docker knows in advance."""
    if state.get("Dead") or state.get("Status") in ("dead", "removing"):
        return f"is {state['Status']}; run `modelgen up`"
    if state.get("Paused"):
        return "is paused; `docker unpause` it"
    lost = [mount for mount in mounts if mount.get("Type") == "volume" and not mount.get("Source")]
    if lost:
        return f"has lost its volume `{lost[0].get('Name')}`; run `modelgen up`"
    return None


async def _entries(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield the entries of a log. Docker prefixes each with the number of its stream and its length."""
    while header := await content.read(_HEADER.size):
        try:
            if len(header) < _HEADER.size:
                header += await content.readexactly(_HEADER.size - len(header))
            yield await content.readexactly(_HEADER.unpack(header)[1])
        except asyncio.IncompleteReadError:
            return


def _sentence(message: object) -> str:
    """Return Docker's message on one line."""
    return " ".join(str(message).split())
