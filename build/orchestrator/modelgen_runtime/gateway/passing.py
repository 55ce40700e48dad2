"""The engine's side of an exchange: a connection, the request on it, and its answer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.answer import Answer, Output
from modelgen_runtime.gateway.counting import UsageRemoval
from modelgen_runtime.gateway.upload import HELD, Upload
from modelgen_runtime.http import wire
from modelgen_runtime.http.receiver import EngineError
from modelgen_runtime.state import refusals
from modelgen_runtime.usage.record import Outcome
from modelgen_runtime.usage.tokens import REPORTING, Tail

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from modelgen_runtime.engines.admission import Admission, Lease
    from modelgen_runtime.engines.upstream import Engine
    from modelgen_runtime.gateway.front import Front
    from modelgen_runtime.gateway.request_head import RequestHead
    from modelgen_runtime.usage.record import Record

_DONE, _REFUSED = Outcome.DONE, Outcome.REFUSED
"""Looked up once: every request needs them, and in Python 3.11 a member of an enumeration takes as long as a call."""
_DEATHS = ("model_failed", "model_absent")
"""Kinds of refusals that say that an engine has died."""
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

    def finish(self, exchange: Passing) -> None:
        """Continue with the next request, or close."""


class Passing:
    """A request that is passed on once it is admitted; the receiver of its engine's answer (`receiver.Receiver`).

    Args:
        front: The shared part of all connections.
        client: Connection of the client.
        head: Head of the request.
        path: Decoded path without the query.
    """

    __slots__ = (
        "_admission", "_again", "_asks_usage", "_client", "_engine", "_front", "_head", "_in_chunks", "_lease",
        "_record", "_task", "_upload", "answer", "path",
    )  # fmt: skip

    def __init__(self, front: Front, client: Client, head: RequestHead, path: str) -> None:
        self._front, self._client, self._head, self.path = front, client, head, path
        self.answer = Answer(
            client,
            path,
            self._note_end,
            is_head=head.method == b"HEAD",
            is_old=head.is_old,
            keeps_alive=head.keeps_alive,
        )
        length = int(text) if (text := head.fields.get(b"content-length")) is not None else None
        self._upload = Upload(front.buffers, length)
        self._in_chunks = self._asks_usage = False
        self._task: asyncio.Task[None] | None = None
        self._admission: Admission | None = None
        self._record: Record | None = None  # since the model is known
        self._lease: Lease | None = None
        self._engine: Engine | None = None
        self._again: bytearray | None = None  # the body, while the request may have to be sent again

    def cancel(self) -> None:
        """Drop everything, since the client has left."""
        self.answer.is_done = True
        if self.answer.is_done_for_client:
            self._note_whole()
        self._end_record(Outcome.CLIENT_LEFT)
        if self._task is not None:
            self._task.cancel()
        if self._engine is not None:
            self._engine.abort()
        self._leave()
        self._upload.free()

    def fail(self, refusal: RefusedError) -> None:
        """Refuse it, since the rest of it cannot be read, or its engine has ended."""
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
        return not self.answer.keeps_alive or not self._upload.is_whole

    def pause_answer(self) -> None:
        """Pause reading from the engine, since the client does not keep up."""
        if self._engine is not None:
            self._engine.pause_reading()

    def resume_answer(self) -> None:
        """Resume reading from the engine."""
        if self._engine is not None:
            self._engine.resume_reading()

    # -- the request --------------------------------------------------------------------------------------------------

    def _start(self, lease: Lease) -> None:
        self._lease, lease.cut = lease, self._cut
        if self._record is not None:
            self._record.started = self._front.now()
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
        upload = self._upload
        length = len(upload.data) if upload.length is None and upload.is_whole else upload.length
        self._in_chunks = length is None
        lines = wire.passed_on(self._head.headers, self._head.fields, self._front.access.dropped)
        start = wire.request_head(self._head.target, engine.host, lines, length)
        body = upload.take()
        self._again = body if engine.is_kept and upload.is_whole and len(body) <= HELD else None
        if len(body) > HELD and not self._in_chunks:
            engine.begin(self, start)
            engine.write(body)  # by itself: a body of 64 MB is not copied once more
        else:
            engine.begin(self, start + (wire.chunk(bytes(body)) if self._in_chunks and body else body))
        if upload.counted and self._again is None and not engine.is_congested:
            upload.free()
        self._client.resume()

    # -- the engine's side --------------------------------------------------------------------------------------------

    def on_head(self, status: int, headers: wire.Headers, fields: dict[bytes, bytes]) -> None:
        """Forward the head."""
        if status >= 400 and self._engine is not None and self._lease is not None:
            self._engine.overhear(partial(self._front.switchboard.note_error, self._lease, status))
        self._again = None
        if self._upload.counted and (self._engine is None or not self._engine.is_congested):
            self._upload.free()
        self.answer.keeps_alive = self.answer.keeps_alive and self._upload.is_whole and not self._front.is_closing
        is_stream = self.answer.pass_head(status, headers, fields)
        if self._record is not None:
            self._record.is_stream = is_stream
            if status == 200 and self.path in REPORTING:
                self.answer.tail = Tail(self.path, is_stream)
        if is_stream and self._asks_usage and b"content-length" not in fields:
            self.answer.removal = UsageRemoval()

    def on_data(self, data: bytes) -> None:
        """Forward a part of the body."""
        if self._record is not None and self._record.first_byte is None:
            self._record.first_byte = self._front.now()
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
        self._note_whole()
        if engine is not None and self._upload.is_whole:
            self._front.pool.give_back(engine)
        elif engine is not None:
            engine.abort()  # it answered without reading the whole request
        self.answer.complete()

    def on_broken(self, error: EngineError) -> None:
        """Report an incomplete answer, or send the request again if an idle connection was stale."""
        self._engine = None
        if error.is_stale and self._again is not None and self._lease is not None:
            self._upload.data, self._again = self._again, None
            self._run(self._connect(self._lease))
            return
        if self._lease is not None:
            self._run(self._wait_for_cause(error))

    async def _wait_for_cause(self, error: EngineError) -> None:
        """Refuse, unless the engine has died: then `_cut` comes first, with the reason."""
        await asyncio.sleep(_CAUSE_SECONDS)
        self._leave()
        self._note_outcome(Outcome.ENGINE_DIED)
        model = self._admission.model.id if self._admission else "the model"
        self._refuse(RefusedError(502, "engine_broken", f"`{model}`: {error}", retry_after=1))

    def pause(self) -> None:
        """Pause reading from the client, since the engine does not keep up."""
        self._client.pause()

    def resume(self) -> None:
        """Resume reading from the client."""
        self._upload.free()
        self._client.resume()

    def _cut(self, reason: RefusedError) -> None:
        """End the request, since the engine is about to be stopped or has died."""
        self._lease = None
        self._note_outcome(Outcome.ENGINE_DIED if reason.kind in _DEATHS else Outcome.DRAINED)
        self.fail(reason)

    def _cancel_by_hand(self) -> None:
        """End the request, since an operator canceled it."""
        self._note_outcome(Outcome.CANCELED)
        self.fail(refusals.canceled())

    def _note_outcome(self, outcome: Outcome) -> None:
        if self._record is not None and self._record.outcome is None:
            self._record.outcome = outcome

    def _note_whole(self) -> None:
        """Note that the engine's answer is complete, and the tokens that it reports."""
        if self._record is not None:
            self._record.outcome = _DONE
            if self.answer.tail is not None:
                self._record.tokens = self.answer.tail.tokens()

    def _end_record(self, outcome: Outcome) -> None:
        """Note the end of the request, in this way if none has been noted before."""
        if (record := self._record) is None:
            return
        if record.outcome is None:
            record.outcome = outcome
        record.status, record.received, record.sent = self.answer.status, self._upload.received, self.answer.sent
        self._front.journal.end(record, self._front.now())

    def _leave(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.cut = None
            lease.leave()

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

    def _refuse(self, refusal: RefusedError) -> None:
        self.answer.keeps_alive = self.answer.keeps_alive and self._upload.is_whole
        self.answer.refuse(refusal)

    def _note_end(self) -> None:
        if self._upload.counted:
            self._upload.free()
        self._end_record(_REFUSED)
        self._client.finish(self)
