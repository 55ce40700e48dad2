"""One request: checked by its head, routed by its body, and spliced to an engine."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.answer import Answer, Output
from modelgen_runtime.gateway.origins import is_preflight
from modelgen_runtime.gateway.routing import BadBodyError, Finder, Found, asks_for_stream, make_finder
from modelgen_runtime.http import wire
from modelgen_runtime.http.handler import Request, Response
from modelgen_runtime.http.receiver import EngineError
from modelgen_runtime.state import refusals

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from modelgen_runtime.engines.admission import Admission, Lease
    from modelgen_runtime.engines.upstream import Engine
    from modelgen_runtime.gateway.front import Front
    from modelgen_runtime.gateway.request_head import RequestHead

_HELD = 256 * 1024
"""Bytes of a body that are buffered while its model loads; then reading from the client pauses."""
_BEAT_AFTER, _BEAT_EVERY = 10.0, 5.0
_CAUSE_SECONDS = 1.0
"""Seconds that a broken answer waits for the exit of its engine, which explains more than the broken connection."""


class Client(Output, Protocol):
    """The connection of a request."""

    is_extra: bool
    """True if connections are short, so that only the control API answers it."""

    def pause(self) -> None:
        """Pause reading."""

    def resume(self) -> None:
        """Resume reading."""

    def finish(self, exchange: Exchange) -> None:
        """Continue with the next request, or close."""


class Exchange:
    """A request in progress; the receiver of its engine's answer (`receiver.Receiver`).

    Args:
        front: The shared part of all connections.
        client: Connection of the client.
        head: Head of the request.
    """

    __slots__ = (
        "_admission",
        "_again",
        "_body",
        "_buffered",
        "_client",
        "_engine",
        "_finder",
        "_front",
        "_head",
        "_in_chunks",
        "_is_admitted",
        "_is_begun",
        "_is_scanning",
        "_is_whole",
        "_lease",
        "_length",
        "_query",
        "_received",
        "_refusal",
        "_task",
        "answer",
        "path",
    )  # fmt: skip

    def __init__(self, front: Front, client: Client, head: RequestHead) -> None:
        self._front, self._client, self._head = front, client, head
        path, _, query = head.target.partition(b"?")
        self.path, self._query = path.decode("latin-1"), query.decode("latin-1")
        if "%" in self.path:
            self.path = unquote(self.path)
        self.answer = Answer(
            client,
            self.path,
            self._note_end,
            is_head=head.method == b"HEAD",
            is_old=head.is_old,
            keeps_alive=head.keeps_alive,
        )
        self._body, self._received, self._buffered = bytearray(), 0, 0
        self._length = int(length) if (length := head.fields.get(b"content-length")) is not None else None
        self._is_begun = self._is_whole = self._in_chunks = self._is_scanning = self._is_admitted = False
        self._refusal: RefusedError | None = None
        self._finder: Finder | None = None
        self._task: asyncio.Task[None] | None = None
        self._admission: Admission | None = None
        self._lease: Lease | None = None
        self._engine: Engine | None = None
        self._again: bytearray | None = None  # the body, while the request may have to be sent again

    # -- the client's side --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Check the request by its head. Its answer may be sent from now on."""
        if self.answer.is_done:  # the client left while it was queued behind others
            return
        self._is_begun = True
        if self._front.access.origins.are_listed:
            self.answer.page_lines = self._front.page_lines(self.path, self._head)
        try:
            if self._refusal is not None:
                raise self._refusal
            is_routed = self._front.judge(self.path, self._head, self._length)
            if is_routed and self._client.is_extra:
                raise refusals.no_descriptors()
            self._finder = make_finder(self._head.fields.get(b"content-type", b"")) if is_routed else None
        except RefusedError as refusal:
            self._refuse(refusal)
        except BadBodyError as error:
            self._refuse(RefusedError(400, "bad_request", str(error)))
        else:
            if not self._is_whole and self._head.fields.get(b"expect", b"").lower() == b"100-continue":
                self._client.write(wire.CONTINUE)
            if self._body or self._is_whole:
                self._scan()

    def receive(self, data: bytes) -> None:
        """Receive a part of the body."""
        self._received += len(data)
        if self.answer.is_done or self._refusal is not None:
            return
        if self._engine is not None:
            self._engine.write(wire.chunk(data) if self._in_chunks else data)
            return
        self._body += data
        if self._received == self._length and self._is_begun and not self._is_admitted:
            return  # the length was checked with the head, and its end follows
        try:
            self._count_body()
        except RefusedError as refusal:
            self._refuse_in_line(refusal)
            return
        if not self._is_begun or self._is_admitted:
            if len(self._body) > _HELD:
                self._client.pause()
        elif len(self._body) > self._front.most_bytes(is_routed=self._finder is not None):
            self._refuse(self._front.too_large())
        else:
            self._scan()

    def end(self) -> None:
        """Note that the request is complete."""
        self._is_whole = True
        if self._engine is not None:
            if self._in_chunks:
                self._engine.write(wire.LAST_CHUNK)
        elif self._is_begun and not self.answer.is_done and not self._is_admitted:
            self._scan()

    def cancel(self) -> None:
        """Drop everything, since the client has left."""
        self.answer.is_done = True
        if self._task is not None:
            self._task.cancel()
        if self._engine is not None:
            self._engine.abort()
        self._leave()
        self._free_buffer()

    def fail(self, refusal: RefusedError) -> None:
        """Refuse it, since the rest of its connection cannot be read."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.abort()
        if self._task is not None:
            self._task.cancel()
        self._leave()
        self.answer.keeps_alive = False
        self.answer.refuse(refusal)

    @property
    def closes(self) -> bool:
        """Return whether the connection is closed after it, as also after an unread body."""
        return not self.answer.keeps_alive or not self._is_whole

    def pause_answer(self) -> None:
        """Pause reading from the engine, since the client does not keep up."""
        if self._engine is not None:
            self._engine.pause_reading()

    def resume_answer(self) -> None:
        """Resume reading from the engine."""
        if self._engine is not None:
            self._engine.resume_reading()

    # -- towards the engine -------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        """Continue as far as the received part of the body allows."""
        if self._finder is None:
            if self._is_whole:
                self._run(self._answer_here())
            return
        if self._is_scanning:  # it continues later: the loop reads several MB at once from a fast client
            return
        try:
            if self._admission is None:
                self._find(self._finder)
            if self._admission is not None and (self._is_whole or len(self._body) > _HELD):
                # Not before: a slow upload would occupy a place at the engine.
                self._admit(self._admission)
        except BadBodyError as error:
            self._refuse(RefusedError(400, "bad_request", str(error)))
        except RefusedError as refusal:
            self._refuse(refusal)

    def _find(self, finder: Finder) -> None:
        found = finder.find(self._body, is_whole=self._is_whole)
        if found is not None:
            self._route(found, finder)
        elif finder.is_behind:
            self._is_scanning = True
            self._client.pause()
            asyncio.get_running_loop().call_soon(self._continue_scan)
        elif self._is_whole:
            self._admission = self._front.only_admission(self.path)

    def _continue_scan(self) -> None:
        self._is_scanning = False
        if not self.answer.is_done:
            self._client.resume()
            self._scan()

    async def _answer_here(self) -> None:
        if len(self._body) > self._front.most_bytes(is_routed=False):
            self._refuse(self._front.too_large())
            return
        request = Request(self._head.method.decode("latin-1"), self.path, self._query, bytes(self._body))
        self._body.clear()
        await self.answer.send(Response(204) if is_preflight(self._head) else await self._front.answer(request))

    def _route(self, found: Found, finder: Finder) -> None:
        admission = self._front.switchboard.admission(found.name)
        if admission is None:
            raise self._front.switchboard.unknown(found.name)
        if self.path not in admission.model.routes:
            raise RefusedError(
                404, "not_found", f"{admission.model.engine} has no {self.path}, so `{found.name}` has none"
            )
        self._admission = admission
        if admission.model.upstream_name not in (None, found.name):
            grown = finder.rename(self._body, found, str(admission.model.upstream_name))
            self._length = None if self._length is None else self._length + grown

    def _admit(self, admission: Admission) -> None:
        if self._front.is_closing:
            raise refusals.stopping()
        self._is_admitted = True
        if (lease := admission.enter()) is None:
            self._run(self._wait(admission))
        else:
            self._start(lease)

    async def _wait(self, admission: Admission) -> None:
        began, messages = self._front.now(), None
        if self._front.loading_messages and not self._head.is_old:
            messages = asyncio.create_task(self._send_loading_messages())
        try:
            self._count_body()
            lease = await self._front.switchboard.enter(admission)
        except RefusedError as refusal:
            self._refuse(refusal)
            return
        finally:
            if messages is not None:
                messages.cancel()
            self._front.note_wait(admission.model.id, self._front.now() - began)
        self._start(lease)

    def _start(self, lease: Lease) -> None:
        self._lease, lease.cut = lease, self._cut
        if self.answer.is_done:
            self._leave()
        elif (engine := self._front.pool.take(lease.endpoint)) is not None:
            self._forward(engine)
        else:
            self._run(self._connect(lease))

    async def _connect(self, lease: Lease) -> None:
        if not self._front.descriptors.has_room_for_engine:
            self._leave()
            self._refuse(refusals.no_descriptors())
            return
        try:
            engine = await self._front.pool.connect(lease.endpoint)
        except EngineError as error:
            self.on_broken(error)
            return
        if self.answer.is_done or self._lease is not lease:
            engine.abort()
        else:
            self._forward(engine)

    def _forward(self, engine: Engine) -> None:
        self._engine = engine
        length = len(self._body) if self._length is None and self._is_whole else self._length
        self._in_chunks = length is None
        lines = wire.passed_on(self._head.headers, self._head.fields, self._front.access.dropped)
        start = wire.request_head(self._head.target, engine.host, lines, length)
        body, self._body = self._body, bytearray()
        self._again = body if engine.is_kept and self._is_whole and len(body) <= _HELD else None
        if len(body) > _HELD and not self._in_chunks:
            engine.begin(self, start)
            engine.write(body)  # by itself: a body of 64 MB is not copied once more
        else:
            engine.begin(self, start + (wire.chunk(bytes(body)) if self._in_chunks and body else body))
        if self._buffered and self._again is None and not engine.is_congested:
            self._free_buffer()
        self._client.resume()

    # -- the engine's side --------------------------------------------------------------------------------------------

    def on_head(self, status: int, headers: wire.Headers, fields: dict[bytes, bytes]) -> None:
        """Forward the head."""
        if status >= 400 and self._engine is not None and self._lease is not None:
            self._engine.overhear(partial(self._front.switchboard.note_error, self._lease, status))
        self._again = None
        if self._buffered and (self._engine is None or not self._engine.is_congested):
            self._free_buffer()
        self.answer.keeps_alive = self.answer.keeps_alive and self._is_whole and not self._front.is_closing
        self.answer.pass_head(status, headers, fields)

    def on_data(self, data: bytes) -> None:
        """Forward a part of the body."""
        self.answer.pass_data(data)

    def flush(self) -> None:
        """Send what is buffered."""
        if self._admission is not None:
            self._admission.last_data = self._front.now()
        self.answer.flush()

    def on_end(self) -> None:
        """Complete the answer."""
        engine, self._engine = self._engine, None
        if engine is not None and engine.ended_by_close and self.answer.is_cut_stream:
            self.on_broken(EngineError("the engine closed the connection before its stream was whole"))
            return
        if self.answer.is_event_stream and self._lease is not None and (body := self.answer.error_in_stream()):
            self._front.switchboard.note_error(self._lease, 500, body)
        self._leave()
        if engine is not None and self._is_whole:
            self._front.pool.give_back(engine)
        elif engine is not None:
            engine.abort()  # it answered without reading the whole request
        self.answer.complete()

    def on_broken(self, error: EngineError) -> None:
        """Report an incomplete answer, or send the request again if an idle connection was stale."""
        self._engine = None
        if error.is_stale and self._again is not None and self._lease is not None:
            self._body, self._again = self._again, None
            self._run(self._connect(self._lease))
            return
        if self._lease is not None:
            self._run(self._wait_for_cause(error))

    async def _wait_for_cause(self, error: EngineError) -> None:
        """Refuse, unless the engine has died: then `_cut` comes first, with the reason."""
        await asyncio.sleep(_CAUSE_SECONDS)
        self._leave()
        model = self._admission.model.id if self._admission else "the model"
        self._refuse(RefusedError(502, "engine_broken", f"`{model}`: {error}", retry_after=1))

    def pause(self) -> None:
        """Pause reading from the client, since the engine does not keep up."""
        self._client.pause()

    def resume(self) -> None:
        """Resume reading from the client."""
        self._free_buffer()
        self._client.resume()

    def _cut(self, reason: RefusedError) -> None:
        """End the request, since the engine is about to be stopped or has died."""
        self._lease = None
        self.fail(reason)

    def _leave(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.cut = None
            lease.leave()

    # -- shared -------------------------------------------------------------------------------------------------------

    def _count_body(self) -> None:
        """Count the buffered body. A body that is forwarded immediately is not counted."""
        self._front.buffers.take(len(self._body) - self._buffered)
        self._buffered = len(self._body)

    def _free_buffer(self) -> None:
        self._front.buffers.give_back(self._buffered)
        self._buffered = 0

    def _refuse_in_line(self, refusal: RefusedError) -> None:
        """Refuse it if its body exceeds the buffer limit; earlier answers on its connection come first."""
        self._body.clear()
        self._free_buffer()
        if self._is_begun:
            self.fail(refusal)
        else:
            self._refusal = refusal

    def _refuse(self, refusal: RefusedError) -> None:
        self.answer.keeps_alive = self.answer.keeps_alive and self._is_whole
        self.answer.refuse(refusal)

    def _note_end(self) -> None:
        if self._buffered:
            self._free_buffer()
        if self._admission is not None:
            self._front.note_request(self._admission.model.id, self.answer.status, self._received, self.answer.sent)
        self._client.finish(self)

    async def _send_loading_messages(self) -> None:
        await asyncio.sleep(_BEAT_AFTER)
        asks = await asks_for_stream(self._body)  # an `Accept` that lists streams among other types requests none
        while asks:
            self.answer.beat()
            await asyncio.sleep(_BEAT_EVERY)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._guard(work), name=f"answer {self.path}")
        self._front.keep(self._task)

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        """On any error, answer the client and release the engine."""
        try:
            await work
        except Exception:
            self._leave()
            self._refuse(refusals.fault())
            raise
