"""A strict HTTP/1.1 client of a few lines: it knows whether an answer is whole."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

PATIENCE = 300.0


class BrokenError(Exception):
    """The connection ended before an answer was whole; the message says how much of it came."""


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.body)


class Line:
    """A connection to the orchestrator, which is opened when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes, *, keep: bool = True) -> Answer:
        """Send a request and return its answer.

        An idle connection may be closed at any time: like every HTTP client, this one asks again on a new one then.

        Raises:
            BrokenError: The answer is not whole.
            OSError: There is no connection.
        """
        async with asyncio.timeout(PATIENCE):
            was_kept = self._streams is not None
            try:
                answer = await self._ask(request)
            except (BrokenError, OSError) as error:
                self.close()
                if not was_kept or str(error) != "nothing came":
                    raise
                answer = await self._ask(request)
            if not keep or not answer.keeps_alive:
                self.close()
            return answer

    async def _ask(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        reader, writer = self._streams
        try:
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise BrokenError(
                f"a part of a head came: {error.partial!r}" if error.partial else "nothing came"
            ) from error
        except OSError as error:  # refused before it was read as a whole: there may be an answer all the same
            raise BrokenError("nothing came") from error
        return await _read_rest(reader, head)

    def close(self) -> None:
        """Close it; a further request opens another."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _read_rest(reader: asyncio.StreamReader, head: bytes) -> Answer:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = bytearray()
    try:
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        else:
            body += await reader.readexactly(int(headers["content-length"]))
    except (asyncio.IncompleteReadError, OSError, ValueError, KeyError) as error:
        raise BrokenError(
            f"{first}, then {len(body)} bytes, then {error!r}; the last: {bytes(body[-200:])!r}"
        ) from error
    return Answer(int(first.split()[1]), headers, bytes(body))
