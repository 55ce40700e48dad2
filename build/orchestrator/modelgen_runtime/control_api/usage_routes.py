"""The routes about requests: those that run and the last ones, and totals. A key of role `user` gets its own."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from modelgen_runtime.control_api.captured import show_capture
from modelgen_runtime.control_api.events import Listener
from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.http.handler import Response
from modelgen_runtime.state import refusals
from modelgen_runtime.usage.journal import LAST, Sums
from modelgen_runtime.usage.totals import DAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from modelgen_runtime.http.handler import Caller, Request
    from modelgen_runtime.usage.journal import Journal
    from modelgen_runtime.usage.record import Record
    from modelgen_runtime.usage.totals import Name, Totals

    Route = tuple[str, re.Pattern[str], Callable[..., Awaitable[Response]]]

GROUPS = ("day", "key", "model", "variant")
"""Fields by which totals can be grouped."""
_DAYS, _LIMIT = 30, 100
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class UsageRoutes:
    """Answers these routes.

    Args:
        journal: The requests.
        totals: Their totals.
    """

    def __init__(self, journal: Journal, totals: Totals) -> None:
        self._journal, self._totals = journal, totals

    @property
    def routes(self) -> list[Route]:
        """The routes: a method, the pattern of a path, and what answers it."""
        return [
            ("GET", re.compile(r"/usage"), self._usage),
            ("GET", re.compile(r"/requests"), self._requests),
            ("GET", re.compile(r"/requests/live"), self._live),
            ("GET", re.compile(r"/requests/([^/]+)"), self._request),
            ("DELETE", re.compile(r"/requests/([^/]+)"), self._cancel),
            ("GET", re.compile(r"/requests/([^/]+)/capture"), self._capture),
        ]

    async def _usage(self, request: Request) -> Response:
        query = parse_qs(request.query, keep_blank_values=True)
        groups = [*dict.fromkeys(query.get("by", ["model"])[-1].split(","))]
        if not set(groups) <= {*GROUPS}:
            raise RefusedError(
                400, "bad_request", f"`by` must be some of {', '.join(GROUPS)}, with commas between them"
            )
        days = _number(query, "days", _DAYS, least=1, most=DAYS)
        sums = await asyncio.to_thread(_sum, self._totals.rows(days), groups, request.key)
        rows = [{**dict(zip(groups, group, strict=True)), **_show(row)} for group, row in sums.items()]
        return _json(200, {"by": groups, "days": days, "rows": rows})

    async def _requests(self, request: Request) -> Response:
        query = parse_qs(request.query, keep_blank_values=True)
        limit = _number(query, "limit", _LIMIT, least=0, most=LAST)
        now = asyncio.get_running_loop().time()
        running = [one for one in self._journal.running.values() if _is_shown(one, query, request.key)]
        ended = [one for one in self._journal.newest() if _is_shown(one, query, request.key)]
        shown = {"running": [one.show(now) for one in running], "ended": [one.show(now) for one in ended[:limit]]}
        return _json(200, shown)

    async def _live(self, request: Request) -> Response:
        return Response(200, self._stream(request.key), "text/event-stream")

    async def _stream(self, key: Caller | None) -> AsyncIterator[bytes]:
        """Yield an event for each request that begins or ends."""
        listener, loop = Listener(), asyncio.get_running_loop()

        def take(record: Record) -> None:
            if _sees(key, record.key):
                listener.take({"kind": "request", **record.show(loop.time())})

        self._journal.listeners.add(take)
        try:
            async for event in listener.stream():
                yield event
        finally:
            self._journal.listeners.discard(take)

    async def _request(self, request: Request, number: str) -> Response:
        return _json(200, self._find(request.key, number).show(asyncio.get_running_loop().time()))

    async def _capture(self, request: Request, number: str) -> Response:
        record, captures = self._find(request.key, number), self._journal.captures
        capture = None if captures is None else captures.find(record.id)
        if capture is None:
            raise refusals.not_captured(record.id, is_on=captures is not None)
        return _json(200, show_capture(record.id, capture))

    async def _cancel(self, request: Request, number: str) -> Response:
        record = self._find(request.key, number)
        if record.ended is not None:
            raise refusals.request_ended(record.id)
        record.cancel()
        return _json(200, record.show(asyncio.get_running_loop().time()))

    def _find(self, key: Caller | None, number: str) -> Record:
        record = self._journal.find(int(number)) if _NUMBER.fullmatch(number) else None
        if record is None or not _sees(key, record.key):
            raise refusals.no_request(number)
        return record


def _sum(
    rows: Iterable[tuple[str, Name, Sums]], groups: Sequence[str], key: Caller | None
) -> dict[tuple[str | None, ...], Sums]:
    """Return the sums of the rows that a key may see, by the groups."""
    found: dict[tuple[str | None, ...], Sums] = {}
    for day, name, row in rows:
        if _sees(key, name.key):
            parts = {"day": day, **name._asdict()}
            group = tuple(parts[one] for one in groups)
            found[group] = found.get(group, Sums()).plus(row)
    return found


def _sees(key: Caller | None, name: str | None) -> bool:
    """Return whether a key may see what was asked with the key of a name."""
    return key is None or key.role == "admin" or key.name == name


def _is_shown(record: Record, query: dict[str, list[str]], key: Caller | None) -> bool:
    return _sees(key, record.key) and all(
        name not in query or getattr(record, name) == query[name][-1] for name in ("model", "variant", "key")
    )


def _show(row: Sums) -> dict[str, Any]:
    return {
        "requests": row.requests,
        "unknown": row.unknown,
        "prompt_tokens": row.prompt,
        "cached_tokens": row.cached,
        "completion_tokens": row.completion,
    }


def _number(query: dict[str, list[str]], name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise RefusedError(400, "bad_request", f"`{name}` must be a number from {least} to {most}")
    return int(text)


def _json(status: int, body: object) -> Response:
    return Response(status, (json.dumps(body, ensure_ascii=False) + "\n").encode())
