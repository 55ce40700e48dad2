"""The control API, for operators and their programs."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from modelgen_runtime.control_api import views
from modelgen_runtime.control_api.events import format_event
from modelgen_runtime.control_api.identity import Identity
from modelgen_runtime.control_api.openapi import DESCRIPTION
from modelgen_runtime.engines import probing
from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.problems import problem_response
from modelgen_runtime.http.handler import Request, Response
from modelgen_runtime.manifest_reader import ManifestError
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import refusals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from modelgen_runtime.control_api.events import Events
    from modelgen_runtime.control_api.usage_routes import UsageRoutes
    from modelgen_runtime.drivers.driver import Driver
    from modelgen_runtime.gpus.gauge import Gauge
    from modelgen_runtime.http.handler import Caller
    from modelgen_runtime.manifest import Manifest
    from modelgen_runtime.supervision.switchboard import Switchboard

_SWITCH_KEYS = {"model_id": str, "profile": str, "wait": bool, "dry_run": bool}
_HOLD_KEYS: dict[str, type] = {"lease": float, "owner": str, "wait": bool}
_RELEASE_KEYS: dict[str, type] = {"owner": str}
_MOST_LINES = 10_000
_LONGEST_NUMBER = 18
_METRICS_SECONDS = 10.0
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_LONGEST_LEASE = 86_400.0
_LONGEST_OWNER = 200
# It is displayed, so it has no control characters; a lone surrogate cannot be encoded as UTF-8.
_OWNER = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{_LONGEST_OWNER}}}")
_KINDS = {str: "a string", bool: "true or false", float: "a number"}


class Control:
    """Answers the routes of the control API.

    Args:
        switchboard: Owns the state.
        driver: Reads the engines' logs.
        events: Lifecycle events.
        read_manifest: Reads the manifest again.
        metrics: Returns the metrics for a key in Prometheus' format, and their content type.
        usage: The routes about requests.
        warnings: Returns problems that an operator should fix although requests are served, a sentence each.
        listens: The manifest's `listen` if the socket is bound to it, since a reload does not move it.
        gauge: Measures the GPUs, if that is wanted.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what the routes show
        self,
        switchboard: Switchboard,
        driver: Driver,
        events: Events,
        read_manifest: Callable[[], Manifest],
        metrics: Callable[[Caller | None], tuple[bytes, str]],
        usage: UsageRoutes,
        *,
        listens: str | None,
        warnings: Callable[[], list[str]],
        gauge: Gauge | None = None,
    ) -> None:
        self._switchboard, self._driver, self._events = switchboard, driver, events
        self._read_manifest, self._metrics, self._listens = read_manifest, metrics, listens
        self._identity = Identity()
        self._warnings, self._gauge = warnings, gauge
        self._pending: set[asyncio.Task[None]] = set()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Awaitable[Response]]]] = [
            ("POST", re.compile(r"/switch"), self._switch),
            ("GET", re.compile(r"/status"), self._status),
            ("GET", re.compile(r"/models"), self._models),
            ("POST", re.compile(r"/models/([^/]+)/(stop|hold|release)"), self._order),
            ("POST", re.compile(r"/reload"), self._reload),
            ("GET", re.compile(r"/logs/([^/]+)"), self._logs),
            ("GET", re.compile(r"/events"), self._stream_events),
            ("GET", re.compile(r"/healthz"), self._healthz),
            ("GET", re.compile(r"/readyz"), self._readyz),
            ("GET", re.compile(r"/metrics"), self._show_metrics),
            ("GET", re.compile(r"/metrics/([^/]+)"), self._show_metrics_of),
            *usage.routes,
            ("GET", re.compile(r"/openapi\.json"), self._describe),
        ]

    def has(self, path: str) -> bool:
        """Return whether a path is one of these routes."""
        return any(pattern.fullmatch(path) for _, pattern, _ in self._routes)

    async def handle(self, request: Request) -> Response:
        """Answer a request. Errors are answers too."""
        allowed = []
        for method, pattern, answer in self._routes:
            if (match := pattern.fullmatch(request.path)) is None:
                continue
            if method != request.method and not (method == "GET" and request.method == "HEAD"):
                allowed.append("GET, HEAD" if method == "GET" else method)
                continue
            try:
                return await answer(request, *match.groups())
            except RefusedError as refusal:
                return problem_response(refusal)
        if allowed:
            methods = ", ".join(allowed)
            wrong = RefusedError(405, "method_not_allowed", f"{request.path} takes {methods}", allow=methods)
            return problem_response(wrong)
        return problem_response(RefusedError(404, "not_found", "there is no such path; GET /openapi.json lists them"))

    async def _switch(self, request: Request) -> Response:
        asked = _read_table(request.body, _SWITCH_KEYS)
        models = self._asked_models(asked)
        if shortage := self._switchboard.board.shortage(models):
            raise refusals.too_large(shortage)
        plan = views.show_dry_run(self._switchboard.board, models)
        if asked.get("dry_run", False):
            return _json(200, {"dry_run": True, "models": models, **plan})
        if not asked.get("wait", True):
            task = asyncio.get_running_loop().create_task(self._switch_in_background(models))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)
            is_ready = not plan["start"]
            return _json(200 if is_ready else 202, {"status": "ready" if is_ready else "starting", "models": models})
        began = asyncio.get_running_loop().time()
        await self._switchboard.switch(models)
        seconds = round(asyncio.get_running_loop().time() - began, 3)
        evicted = [victim["model"] for victim in plan["evict"]]
        return _json(200, {"status": "ready", "models": models, "evicted": evicted, "seconds": seconds})

    async def _switch_in_background(self, models: list[str]) -> None:
        """Switch without a waiting caller. The outcome is in the events and in the status."""
        try:
            await self._switchboard.switch(models)
        except RefusedError:
            return

    def _asked_models(self, asked: dict[str, Any]) -> list[str]:
        if ("model_id" in asked) == ("profile" in asked):
            raise RefusedError(400, "bad_request", "write one of `model_id` and `profile`")
        if "model_id" in asked:
            return [self._find(asked["model_id"])]
        profiles = {profile.name: profile for profile in self._switchboard.board.manifest.profiles}
        if (profile := profiles.get(asked["profile"])) is None:
            known = ", ".join(f"`{name}`" for name in sorted(profiles)) or "none"
            raise RefusedError(404, "profile_not_found", f"there is no such profile; known: {known}")
        return [*profile.models]

    def _find(self, name: str) -> str:
        target = self._switchboard.target(name)
        if target is None or target.admission.model.id not in self._switchboard.board.records:
            raise refusals.unknown(name, self._switchboard.names())
        return target.admission.model.id

    async def _status(self, _: Request) -> Response:
        status = views.show_status(self._switchboard.board, _now(), self._gauge)
        more = {"resumed": self._switchboard.is_resumed, "warnings": self._warnings()}
        return _json(200, {**status, **more, **self._identity.show(self._switchboard.board.manifest)})

    async def _models(self, _: Request) -> Response:
        records = self._switchboard.board.records.values()
        return _json(200, {"models": [views.show_model(record, _now()) for record in records]})

    async def _order(self, request: Request, name: str, verb: str) -> Response:
        model = self._find(name)
        if verb == "stop":
            await self._switchboard.stop(model)
        elif verb == "hold":
            await self._switchboard.hold(model, **_read_hold(request.body))
        else:
            await self._switchboard.release(model, _read_owned(request.body, _RELEASE_KEYS).get("owner"))
        record = self._switchboard.board.records.get(model)
        return _json(200, views.show_model(record, _now()) if record else {"id": model, "state": "removed"})

    async def _reload(self, _: Request) -> Response:
        try:
            manifest = self._read_manifest()
        except (ManifestError, OSError) as error:
            raise RefusedError(400, "bad_manifest", f"the manifest cannot be used: {error}") from error
        await self._switchboard.reload(manifest)
        needs_restart = ["listen"] if self._listens not in (None, manifest.settings.listen) else []
        if manifest.settings.gpu_stats != (self._gauge.devices if self._gauge else {}):
            needs_restart.append("gpu_stats")
        models = [model.id for model in manifest.models]
        return _json(200, {"status": "reloaded", "models": models, "needs_restart": needs_restart})

    async def _logs(self, request: Request, name: str) -> Response:
        model, query = self._find(name), parse_qs(request.query, keep_blank_values=True)
        count = query.get("lines", ["100"])[-1]
        if not (count.isascii() and count.isdigit() and len(count) < 10 and int(count) <= _MOST_LINES):
            raise RefusedError(400, "bad_request", f"`lines` must be a number up to {_MOST_LINES}")
        follow = query.get("follow", ["false"])[-1]
        if follow not in ("true", "false", "1", "0"):
            raise RefusedError(400, "bad_request", "`follow` must be true or false")
        lines = self._driver.tail(model, int(count))
        if not lines and self._switchboard.board.records[model].state is State.ABSENT:
            raise refusals.absent(model)
        if follow not in ("1", "true"):
            return _json(200, {"model": model, "lines": lines})
        return Response(200, self._follow(model, lines), "text/event-stream")

    async def _follow(self, model: str, lines: list[str]) -> AsyncIterator[bytes]:
        for line in lines:
            yield format_event(line)
        async for line in self._driver.follow(model):
            yield format_event(line)

    async def _stream_events(self, request: Request) -> Response:
        after = parse_qs(request.query, keep_blank_values=True).get("after", [None])[-1]
        if after is not None and not (after.isascii() and after.isdigit() and len(after) < _LONGEST_NUMBER):
            raise RefusedError(400, "bad_request", "`after` must be the number of an event")
        return Response(200, self._events.stream(None if after is None else int(after)), "text/event-stream")

    async def _healthz(self, _: Request) -> Response:
        return _json(200, {"status": "alive"})

    async def _readyz(self, _: Request) -> Response:
        faults = views.readiness_faults(self._switchboard.board)
        if not self._switchboard.is_resumed:
            faults.append("what ran before is being looked for")
        shown = {"status": "not ready" if faults else "ready", "faults": faults}
        return _json(503 if faults else 200, {**shown, "warnings": self._warnings()})

    async def _show_metrics(self, request: Request) -> Response:
        return Response(200, *self._metrics(request.key))

    async def _show_metrics_of(self, _: Request, name: str) -> Response:
        """Return the metrics of an engine itself."""
        model = self._find(name)
        record = self._switchboard.board.records[model]
        if record.endpoint is None or not record.standing.is_open:
            raise refusals.not_loaded(model)
        try:
            answer = await probing.ask(record.endpoint, "/metrics", seconds=_METRICS_SECONDS)
        except probing.ProbeError as error:
            raise refusals.no_metrics(model, str(error)) from error
        if answer.status != 200:
            raise refusals.no_metrics(model, f"it answered {answer.status} to /metrics")
        return Response(200, bytes(answer.body), _TEXT)

    async def _describe(self, _: Request) -> Response:
        return _json(200, DESCRIPTION)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _json(status: int, body: object) -> Response:
    return Response(status, (json.dumps(body, ensure_ascii=False) + "\n").encode())


def _read_table(body: bytes, keys: dict[str, type]) -> dict[str, Any]:
    """Return the JSON object of a request's body. Unknown keys are errors, since they would be ignored."""
    try:
        table = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "bad_request", f"the body is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise RefusedError(400, "bad_request", 'the body must be an object such as {"model_id": "…"}')
    for key, value in table.items():
        if key not in keys:
            raise RefusedError(400, "bad_request", f"unknown key `{key[:100]}`; known: {', '.join(keys)}")
        if type(value) is not keys[key] and not (keys[key] is float and type(value) is int):
            raise RefusedError(400, "bad_request", f"`{key}` must be {_KINDS[keys[key]]}")
    return table


def _read_hold(body: bytes) -> dict[str, Any]:
    """Return the arguments of a hold. An empty body is a hold without a lease."""
    asked = _read_owned(body, _HOLD_KEYS)
    if "lease" in asked and not 0 < asked["lease"] <= _LONGEST_LEASE:
        raise RefusedError(400, "bad_request", f"`lease` must be more than 0 and at most {_LONGEST_LEASE:.0f} seconds")
    return asked


def _read_owned(body: bytes, keys: dict[str, type]) -> dict[str, Any]:
    """Return a JSON object that may name an owner. An empty body is an empty object."""
    asked = _read_table(body or b"{}", keys)
    if "owner" in asked and not _OWNER.fullmatch(asked["owner"]):
        text = f"`owner` must be 1 to {_LONGEST_OWNER} printable characters"
        raise RefusedError(400, "bad_request", text)
    return asked
