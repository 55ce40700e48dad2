"""One request: checked by its head, routed by its body, and spliced to an engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.counting import ROUTES, ask_for_usage
from modelgen_runtime.gateway.loading import loading_message
from modelgen_runtime.gateway.origins import is_preflight
from modelgen_runtime.gateway.passing import Client, Passing
from modelgen_runtime.gateway.routing import BadBodyError, Finder, Found, asks_for_stream, make_finder
from modelgen_runtime.gateway.upload import HELD
from modelgen_runtime.http import wire
from modelgen_runtime.http.handler import Request, Response
from modelgen_runtime.state import refusals
from modelgen_runtime.usage.record import Record

if TYPE_CHECKING:
    from modelgen_runtime.engines.admission import Admission
    from modelgen_runtime.gateway.front import Front
    from modelgen_runtime.gateway.keys import Key
    from modelgen_runtime.gateway.request_head import RequestHead
    from modelgen_runtime.supervision.targets import Target

_BEAT_AFTER, _BEAT_EVERY = 10.0, 5.0


class Exchange(Passing):
    """A request in progress.

    Args:
        front: The shared part of all connections.
        client: Connection of the client.
        head: Head of the request.
    """

    __slots__ = ("_finder", "_is_admitted", "_is_begun", "_is_scanning", "_key", "_query", "_refusal")

    def __init__(self, front: Front, client: Client, head: RequestHead) -> None:
        raw_path, _, query = head.target.partition(b"?")
        path = raw_path.decode("latin-1")
        super().__init__(front, client, head, unquote(path) if "%" in path else path)
        self._query = query.decode("latin-1")
        self._is_begun = self._is_scanning = self._is_admitted = False
        self._refusal: RefusedError | None = None
        self._finder: Finder | None = None
        self._key: Key | None = None

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
            is_routed, self._key = self._front.judge(self.path, self._head, self._upload.expected)
            if is_routed and self._client.is_extra:
                raise refusals.no_descriptors()
            self._finder = make_finder(self._head.fields.get(b"content-type", b"")) if is_routed else None
        except RefusedError as refusal:
            self._refuse(refusal)
        except BadBodyError as error:
            self._refuse(_bad_request(error))
        else:
            if not self._upload.is_whole and self._head.fields.get(b"expect", b"").lower() == b"100-continue":
                self._client.write(wire.CONTINUE)
            if self._upload.data or self._upload.is_whole:
                self._scan()

    def receive(self, data: bytes) -> None:
        """Receive a part of the body."""
        upload = self._upload
        upload.received += len(data)
        if self.answer.is_done or self._refusal is not None:
            return
        if (capture := self.answer.capture) is not None:
            capture.request.add(data)
        try:
            if self._engine is not None:
                self._pass_on(upload.edited(data))
                return
            upload.add(data)
            if upload.received == upload.expected and self._is_begun and not self._is_admitted:
                return  # the length was checked with the head, and its end follows
            upload.count()
        except BadBodyError as error:
            self.fail(_bad_request(error))
            return
        except RefusedError as refusal:
            self._refuse_in_line(refusal)
            return
        if not self._is_begun or self._is_admitted:
            if len(upload.data) > HELD:
                self._client.pause()
        elif upload.received > self._front.most_bytes(is_routed=self._finder is not None):
            self._refuse(self._front.too_large())
        else:
            self._scan()

    def _pass_on(self, data: bytes) -> None:
        if data and self._engine is not None:
            self._engine.write(wire.chunk(data) if self._in_chunks else data)

    def end(self) -> None:
        """Note that the request is complete."""
        try:
            self._upload.end()
        except BadBodyError as error:
            if not self.answer.is_done:
                self.fail(_bad_request(error))
            return
        if self._engine is not None:
            if self._in_chunks:
                self._engine.write(wire.LAST_CHUNK)
        elif self._is_begun and not self.answer.is_done and not self._is_admitted:
            self._scan()

    # -- towards the engine -------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        """Continue as far as the received part of the body allows."""
        if self._finder is None:
            if self._upload.is_whole:
                self._run(self._answer_here())
            return
        if self._is_scanning:  # it continues later: the loop reads several MB at once from a fast client
            return
        try:
            if self._admission is None:
                self._find(self._finder)
            upload = self._upload
            if upload.unedited and upload.advance():
                self._scan_later()
            elif self._admission is not None and (upload.is_whole or len(upload.data) > HELD):
                # Not before: a slow upload would occupy a place at the engine.
                self._admit(self._admission)
        except BadBodyError as error:
            self._refuse(_bad_request(error))
        except RefusedError as refusal:
            self._refuse(refusal)

    def _find(self, finder: Finder) -> None:
        found = finder.find(self._upload.data, is_whole=self._upload.is_whole)
        if found is not None:
            self._route(found, finder)
        elif finder.is_behind:
            self._scan_later()
        elif self._upload.is_whole:
            self._set_target(self._front.only_target(self.path, self._key))

    def _scan_later(self) -> None:
        self._is_scanning = True
        self._client.pause()
        asyncio.get_running_loop().call_soon(self._continue_scan)

    def _continue_scan(self) -> None:
        self._is_scanning = False
        if not self.answer.is_done:
            self._client.resume()
            self._scan()

    async def _answer_here(self) -> None:
        if len(self._upload.data) > self._front.most_bytes(is_routed=False):
            self._refuse(self._front.too_large())
            return
        head, data = self._head, bytes(self._upload.data)
        request = Request(head.method.decode("latin-1"), self.path, self._query, data, head.fields, self._key)
        self._upload.data.clear()
        await self.answer.send(Response(204) if is_preflight(self._head) else await self._front.answer(request))

    def _route(self, found: Found, finder: Finder) -> None:
        target = self._front.switchboard.target(found.name)
        if target is None or self._key is not None:
            target = self._front.check_target(target, found.name, self._key)
        admission = target.admission
        if self.path not in admission.model.routes:
            raise RefusedError(
                404, "not_found", f"{admission.model.engine} has no {self.path}, so `{found.name}` has none"
            )
        self._set_target(target)
        upload, upstream_name = self._upload, admission.model.upstream_name
        if admission.model.asks_usage and upload.is_whole and self.path in ROUTES and not _edits_stream(target):
            grown = ask_for_usage(upload.data)
            self._asks_usage = grown > 0
            upload.length = None if upload.length is None else upload.length + grown
        if target.edits is not None:
            if not finder.is_json:
                raise RefusedError(
                    400, "bad_request", f"`{found.name}` is a variant, so the body must be a JSON object"
                )
            upload.begin_edit(target.edits)
        elif upstream_name not in (None, found.name):
            grown = finder.rename(upload.data, found, str(upstream_name))
            upload.length = None if upload.length is None else upload.length + grown

    def _set_target(self, target: Target) -> None:
        self._admission, front = target.admission, self._front
        key = None if self._key is None else self._key.name
        model, variant = target.admission.model.id, target.variant
        self._record = Record(model, variant, self.path, key, front.now(), self._cancel_by_hand)
        front.journal.begin(self._record)
        if (captures := front.journal.captures) is not None:
            capture = self.answer.capture = captures.begin(self._record.id)
            capture.request.note_head(self._head.headers)
            capture.request.add(self._upload.data)

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
        if self._front.loading_messages != "off" and not self._head.is_old:
            messages = asyncio.create_task(self._send_loading_messages(admission.model.id))
        try:
            self._upload.count()
            lease = await self._front.switchboard.enter(admission)
        except RefusedError as refusal:
            self._refuse(refusal)
            return
        finally:
            if messages is not None:
                messages.cancel()
            self._note_wait(admission.model.id, self._front.now() - began)
        self._start(lease)

    def _note_wait(self, model: str, seconds: float) -> None:
        if self._record is not None:
            self._record.load = min(seconds, self._front.seconds_of_load(model, self._record.arrived))
            self._front.journal.note_wait(self._record, seconds)

    def _refuse_in_line(self, refusal: RefusedError) -> None:
        """Refuse it if its body exceeds the buffer limit; earlier answers on its connection come first."""
        self._upload.take()
        self._upload.free()
        if self._is_begun:
            self.fail(refusal)
        else:
            self._refusal = refusal

    async def _send_loading_messages(self, model: str) -> None:
        began = self._front.now()
        await asyncio.sleep(_BEAT_AFTER)
        asks = await asks_for_stream(
            self._upload.data
        )  # an `Accept` that lists streams among other types requests none
        while asks:
            kind, seconds = self._front.loading_messages, self._front.now() - began
            self.answer.beat(loading_message(kind, self.path, model, seconds))
            await asyncio.sleep(_BEAT_EVERY)


def _edits_stream(target: Target) -> bool:
    """Return whether a variant itself says what a stream reports."""
    edits = target.edits
    return edits is not None and not edits.strip.union(edits.additions).isdisjoint(("stream", "stream_options"))


def _bad_request(error: BadBodyError) -> RefusedError:
    return RefusedError(400, "bad_request", str(error))
