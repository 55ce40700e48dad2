"""What all connections share: who may come in, where requests go, and the list of models."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from modelgen_runtime.gate import RefusedError
from modelgen_runtime.handler import Handler, Request, Response
from modelgen_runtime.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.access import Access, Role
    from modelgen_runtime.pool import Pool
    from modelgen_runtime.request_head import RequestHead
    from modelgen_runtime.switchboard import Switchboard

_MOST_DATA = 256 * 2**20
_MOST_CONTROL = 2**20
_OF_DATA = frozenset({"/v1/models", "/metrics", "/openapi.json"})


class Front:
    """The shared part of all connections.

    Args:
        admission: Who lets requests in.
        access: Who judges them before.
        control: Answers what is not for an engine.
        pool: Connections to engines.
        note_wait: Told the model and seconds of a wait.
        note_request: Told the model, status, bytes received and bytes sent of a request that has ended.
    """

    def __init__(  # noqa: PLR0913 - what there is to share
        self,
        admission: Switchboard,
        access: Access,
        control: Handler,
        pool: Pool,
        *,
        note_wait: Callable[[str, float], None],
        note_request: Callable[[str, int, int, int], None],
    ) -> None:
        self.admission, self.access, self.pool = admission, access, pool
        self.note_wait, self.note_request = note_wait, note_request
        self.now = asyncio.get_running_loop().time
        self._control = control
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def heartbeat(self) -> bool:
        """Whether streaming clients get comments while a model loads."""
        return self.admission.board.manifest.settings.heartbeat

    def judge(self, path: str, head: RequestHead, length: int | None) -> bool:
        """Tell whether a request is for an engine, or refuse it by its head.

        Raises:
            RefusedError: Its client may not come in, or it cannot be answered whatever follows.
        """
        is_routed = path in self.admission.routes()
        self.access.check(path, head.fields, needs="data" if is_routed else _role_of(path))
        if is_routed and head.method != b"POST":
            raise RefusedError(405, "method_not_allowed", f"{path} takes POST", allow="POST")
        if length is not None and length > self.most_bytes(is_routed=is_routed):
            raise self.too_large()
        return is_routed

    def most_bytes(self, *, is_routed: bool) -> int:
        """Return how large a body may be."""
        return _MOST_DATA if is_routed else _MOST_CONTROL

    def too_large(self) -> RefusedError:
        """Return the refusal of a body that is larger than that."""
        return RefusedError(413, "too_large", "the body is larger than this server takes")

    async def answer(self, request: Request) -> Response:
        """Answer what is not for an engine."""
        if request.path == "/v1/models" or request.path.startswith("/v1/models/"):
            return self._list(request)
        if request.path.startswith("/v1/"):
            return refuse(request.path, RefusedError(404, "not_found", f"no engine here has {request.path}"))
        return await self._control(request)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Keep a task from being collected before it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _list(self, request: Request) -> Response:
        """Return all declared models in OpenAI's shape, ready or not: clients offer what they see here."""
        if request.method not in ("GET", "HEAD"):
            wrong = RefusedError(405, "method_not_allowed", f"{request.path} takes GET", allow="GET, HEAD")
            return refuse(request.path, wrong)
        name = request.path.removeprefix("/v1/models").strip("/")
        listed = {
            one: {"id": one, "object": "model", "created": 0, "owned_by": "modelgen", "state": record.state}
            for record in self.admission.board.records.values()
            for one in record.model.names
        }
        if not name:
            body: object = {"object": "list", "data": [*listed.values()]}
        elif name in listed:
            body = listed[name]
        else:
            return refuse(request.path, self.admission.unknown(name))
        return Response(200, json.dumps(body, ensure_ascii=False).encode())


def _role_of(path: str) -> Role:
    return "data" if path in _OF_DATA or path.startswith("/v1/") else "control"
