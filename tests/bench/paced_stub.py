"""A stub that streams a chunk now and then: `paced_stub.py PORT CHUNKS SECONDS`."""

from __future__ import annotations

import asyncio
import sys

CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "hello"}}]}\n\n'


async def main() -> None:
    """Serve until it is ended."""
    port, chunks, pace = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(chunks):
                writer.write(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
                await writer.drain()
                await asyncio.sleep(pace)
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=256)
    async with server:
        await server.serve_forever()


asyncio.run(main())
