"""Docker Engine 29 before an older one: it refuses versions of the API below 1.44, and passes on what is left.

Usage: python3 api_shim.py PORT SOCKET
"""

from __future__ import annotations

import asyncio
import re
import sys

_VERSION = re.compile(rb"/v1\.(\d+)/")
_OLD = b'{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}'
_TOLD = b'{"Version":"29.0.0","ApiVersion":"1.44","MinAPIVersion":"1.44"}'


async def serve(port: int, path: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                version = _VERSION.search(head.partition(b"\r\n")[0])
                if version is None or int(version[1]) < 44:
                    status, body = (
                        (b"200 OK", _TOLD) if head.startswith(b"GET /version ") else (b"400 Bad Request", _OLD)
                    )
                    length = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
                    writer.write(b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, length, body))
                    continue
                head = head.replace(b"/v1.44/", b"/v1.41/", 1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
                await pass_on(head, path, writer)
                return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    print("serving", flush=True)
    await server.serve_forever()


async def pass_on(head: bytes, path: str, writer: asyncio.StreamWriter) -> None:
    from_engine, to_engine = await asyncio.open_unix_connection(path)
    to_engine.write(head)
    while data := await from_engine.read(65536):
        writer.write(data)
        await writer.drain()
    to_engine.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
