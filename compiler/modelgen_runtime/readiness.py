"""Find out when an engine serves: by asking it, and by its end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelgen_runtime.driver import Endpoint, Exit
    from modelgen_runtime.manifest import Model

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.005, 0.020, 1.3
_PROBE_PATIENCE = 10.0
_CANARY_PATIENCE = 120.0
"""The first token of a start may compile kernels."""
_MOST_BYTES = 2**20


class NotReadyError(Exception):
    """An engine does not serve; the message goes on a sentence that begins with its model."""


async def wait_ready(model: Model, endpoint: Endpoint, exited: asyncio.Future[Exit]) -> None:
    """Return once an engine serves.

    Args:
        model: How to tell is in its `readiness`.
        endpoint: Where it listens.
        exited: Done when the engine has ended.

    Raises:
        NotReadyError: It has ended, it takes too long, it serves another model, or its first answer is a failure.
    """
    probing = asyncio.ensure_future(_probe(model, endpoint))
    try:
        async with asyncio.timeout(model.readiness.timeout):
            both: list[asyncio.Future[Any]] = [probing, exited]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise NotReadyError(
            f"was not ready within {model.readiness.timeout:g} s; raise `start_timeout` if it was still loading"
        ) from None
    finally:
        if not probing.done():
            probing.cancel()
            await asyncio.wait({probing})
    if exited.done():
        raise NotReadyError("ended while it was starting")
    probing.result()


async def _probe(model: Model, endpoint: Endpoint) -> None:
    pause, readiness = _FIRST_PAUSE, model.readiness
    while not await _answers_200(endpoint, readiness.path):
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
    if readiness.lists is not None:
        await _check_name(model, endpoint, readiness.lists)
    if readiness.canary is not None:
        await _ask_for_a_token(model, endpoint, readiness.canary)


async def _answers_200(endpoint: Endpoint, path: str) -> bool:
    try:
        status, _ = await ask(endpoint, "GET", path, patience=_PROBE_PATIENCE)
    except (OSError, TimeoutError, ValueError):
        return False
    return status == 200


async def _check_name(model: Model, endpoint: Endpoint, path: str) -> None:
    """An engine that is up may serve another model: one that was left behind, or a typing error."""
    try:
        status, body = await ask(endpoint, "GET", path, patience=_PROBE_PATIENCE)
        listed = [str(entry["id"]) for entry in json.loads(body)["data"]] if status == 200 else []
    except (OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise NotReadyError(f"is up, but {path} tells no names: {error}") from error
    if not {*model.names, model.upstream_name}.intersection(listed):
        raise NotReadyError(
            f"is up, but serves {', '.join(listed)[:300] or 'nothing'} and not `{model.id}`; mend its served names"
        )


async def _ask_for_a_token(model: Model, endpoint: Endpoint, path: str) -> None:
    asked = {"model": model.upstream_name or model.id, "max_tokens": 1}
    asked |= {"messages": [{"role": "user", "content": "Hi"}]} if "chat" in path else {"prompt": "Hi"}
    try:
        status, body = await ask(endpoint, "POST", path, json.dumps(asked).encode(), patience=_CANARY_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise NotReadyError(f"is up, but gives no token: {error!r}") from error
    if status != 200:
        raise NotReadyError(
            f"is up, but answers {status} when asked for a token: {body[:300].decode(errors='replace')}"
        )


async def ask(endpoint: Endpoint, method: str, path: str, body: bytes = b"", *, patience: float) -> tuple[int, bytes]:
    """Return status and body of one answer; HTTP/1.0, so that the body ends with the connection.

    Raises:
        OSError: There is no connection.
        TimeoutError: There is no answer in time.
        ValueError: It is no answer.
    """
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        try:
            head = f"{method} {path} HTTP/1.0\r\nHost: {endpoint.host}:{endpoint.port}\r\nAccept: application/json\r\n"
            if body:
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}\r\n".encode() + body)
            answer = await reader.read(_MOST_BYTES)
            while len(answer) < _MOST_BYTES and (more := await reader.read(_MOST_BYTES)):
                answer += more
        finally:
            writer.close()
    first, _, _ = answer.partition(b"\r\n")
    _, _, content = answer.partition(b"\r\n\r\n")
    parts = first.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        raise ValueError("no answer of HTTP")
    return int(parts[1]), content
