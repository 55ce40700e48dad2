"""The shared part of all connections: access checks, routing, and the list of models."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Protocol

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.base_address import lists_models, no_such_path
from modelgen_runtime.gateway.listing import allowed, list_models
from modelgen_runtime.gateway.origins import is_preflight
from modelgen_runtime.page.files import ANSWERS
from modelgen_runtime.state import refusals
from modelgen_runtime.supervision.targets import Target

if TYPE_CHECKING:
    import asyncio

    from modelgen_runtime.engines.pool import Pool
    from modelgen_runtime.gateway.access import Access
    from modelgen_runtime.gateway.buffers import Buffers
    from modelgen_runtime.gateway.descriptors import Descriptors
    from modelgen_runtime.gateway.keys import Key, Role
    from modelgen_runtime.gateway.request_head import RequestHead
    from modelgen_runtime.http.handler import Caller, Request, Response
    from modelgen_runtime.supervision.switchboard import Switchboard
    from modelgen_runtime.usage.journal import Journal

_MOST_DATA = 256 * 2**20
_MOST_CONTROL = 2**20
_MOST_NAMES = 20
_WITHOUT_KEYS = frozenset({"/healthz", "/readyz"})
"""Paths that need no key, for load balancers and health checks."""
_WITH_USER_KEYS = re.compile(r"/metrics|/openapi\.json|/usage|/requests(/[^/]+)?")
"""Paths of the control API that need only a key of role `user`, which gets what is its own."""


class Control(Protocol):
    """The control API."""

    def has(self, path: str) -> bool:
        """Return whether a path belongs to the control API."""

    async def handle(self, request: Request) -> Response:
        """Answer a request."""


class Front:
    """The shared part of all connections.

    Args:
        switchboard: Admits requests, and owns the state.
        access: Checks requests first.
        control: Answers requests that are not for an engine.
        pool: Connections to engines.
        buffers: Limit on the bodies of queued requests.
        descriptors: Limit on connections.
        journal: Notes all requests for models.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what there is to share
        self,
        switchboard: Switchboard,
        access: Access,
        control: Control,
        pool: Pool,
        buffers: Buffers,
        descriptors: Descriptors,
        journal: Journal,
    ) -> None:
        self.switchboard, self.access, self.pool = switchboard, access, pool
        self.journal = journal
        self.buffers, self.descriptors = buffers, descriptors
        self.is_closing = False
        """True if the orchestrator shuts down and admits no further requests."""
        self.now = time.monotonic  # the event loop's clock, without the call of its method
        self._control = control
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def loading_messages(self) -> str:
        """Return what streaming clients get while a model loads."""
        return self.switchboard.board.manifest.settings.loading_messages

    def judge(self, path: str, head: RequestHead, length: int | None) -> tuple[bool, Key | None]:
        """Return whether a request is for an engine, and its key, or refuse it based on its head.

        Raises:
            RefusedError: Access is denied, or no body could make the request valid.
        """
        routes = self.switchboard.routes()
        is_routed = path in routes
        is_control = not is_routed and self._control.has(path)
        is_page = not is_routed and not is_control and path in ANSWERS
        needs = role_of(path) if is_control else None if is_page else "user"
        key = self.access.check(path, head, is_control=is_control, needs=needs)
        if head.method != b"POST" and is_preflight(head):
            is_routed = False
        elif is_routed and head.method != b"POST":
            raise RefusedError(405, "method_not_allowed", f"{path} takes POST", allow="POST")
        elif is_page and head.method not in (b"GET", b"HEAD"):
            raise RefusedError(405, "method_not_allowed", f"{path} takes GET and HEAD", allow="GET, HEAD")
        elif not (is_routed or is_control or is_page or lists_models(path)):
            raise no_such_path(path, head.fields, routes)
        if length is not None and length > (_MOST_DATA if is_routed else _MOST_CONTROL):
            raise self.too_large()
        return is_routed, key

    def page_lines(self, path: str, head: RequestHead) -> bytes:
        """Return the CORS headers for the answer to a request."""
        lines = self.access.origins.lines(head)
        return b"" if lines and self._control.has(path) else lines

    def check_target(self, target: Target | None, name: str, key: Caller | None) -> Target:
        """Return a target that a key may use.

        Raises:
            RefusedError: Its name is unknown, or the key may not use it.
        """
        if target is None:
            raise refusals.unknown(name, allowed(self.switchboard.names(), key))
        if key is not None and not key.may_use(name, target.admission.model.id):
            raise refusals.not_for_key(name, key.name)
        return target

    def seconds_of_load(self, model: str, arrived: float) -> float:
        """Return for how long a model that is ready now was starting since a time."""
        record = self.switchboard.board.records.get(model)
        return 0.0 if record is None else max(0.0, record.ready_at - max(record.began, arrived))

    def only_target(self, path: str, key: Caller | None) -> Target:
        """Return the only model with a path that a key may use, for a body without `model`.

        Raises:
            RefusedError: Several models have it.
        """
        admissions = [
            record.admission
            for record in self.switchboard.board.records.values()
            if path in record.model.routes and (key is None or key.may_use(record.model.id))
        ]
        if len(admissions) == 1:
            return Target(admissions[0])
        names = ", ".join(f"`{admission.model.names[0]}`" for admission in admissions[:_MOST_NAMES])
        more = f" and {len(admissions) - _MOST_NAMES} more" if len(admissions) > _MOST_NAMES else ""
        raise RefusedError(
            400, "bad_request", f"the body has no `model`, and several models have {path}: {names}{more}"
        )

    def most_bytes(self, *, is_routed: bool) -> int:
        """Return the maximum size of a body."""
        return _MOST_DATA if is_routed else _MOST_CONTROL

    def too_large(self) -> RefusedError:
        """Return the refusal of a larger body."""
        return RefusedError(413, "too_large", "the body exceeds the limit of this server")

    async def answer(self, request: Request) -> Response:
        """Answer a request that is not for an engine."""
        if lists_models(request.path):
            return list_models(request, self.switchboard)
        if request.path in ANSWERS:
            return ANSWERS[request.path].answer(request)
        return await self._control.handle(request)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Keep a reference to a task until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def role_of(path: str) -> Role | None:
    """Return the role that a path of the control API needs; None if it needs no key."""
    if path in _WITHOUT_KEYS:
        return None
    return "user" if _WITH_USER_KEYS.fullmatch(path) else "admin"
