"""The list of models in OpenAI's format, ready or not, since clients offer what they see here.

Fields beyond OpenAI's: `status.value`, as llama.cpp's router writes it (tools/server/server-models.h, b7350) and Open
WebUI reads it; `max_model_len` and `parent`, as vLLM writes them; `name`, `description` and `context_length`, as
OpenRouter does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.base_address import LISTING
from modelgen_runtime.gateway.problems import refuse
from modelgen_runtime.http.handler import Response
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen_runtime.http.handler import Caller, Request
    from modelgen_runtime.state.board import Board
    from modelgen_runtime.supervision.switchboard import Switchboard
    from modelgen_runtime.supervision.targets import Target

_STATUSES = {State.READY: "loaded", State.DRAINING: "loaded", State.STARTING: "loading"}


def list_models(request: Request, switchboard: Switchboard) -> Response:
    """Return all names that a key may use, or the one that the path names."""
    if request.method not in ("GET", "HEAD"):
        wrong = RefusedError(405, "method_not_allowed", f"{LISTING} takes GET and HEAD", allow="GET, HEAD")
        return refuse(request.path, wrong)
    name = request.path.removeprefix(LISTING).strip("/")
    targets = allowed(switchboard.names(), request.key)
    if not name:
        entries = [_entry(one, target, switchboard.board) for one, target in targets.items()]
        body: object = {"object": "list", "data": entries}
    elif name in targets:
        body = _entry(name, targets[name], switchboard.board)
    else:
        return refuse(request.path, refusals.unknown(name, targets))
    return Response(200, (json.dumps(body, ensure_ascii=False) + "\n").encode())


def allowed(targets: Mapping[str, Target], key: Caller | None) -> Mapping[str, Target]:
    """Return the targets that a key may use."""
    if key is None:
        return targets
    return {name: one for name, one in targets.items() if key.may_use(name, one.admission.model.id)}


def _entry(name: str, target: Target, board: Board) -> dict[str, Any]:
    model, record = target.admission.model, board.records.get(target.admission.model.id)
    state = State.ABSENT if record is None else record.state
    optional = {
        "name": model.title,
        "description": model.description,
        "root": model.repo,
        "parent": None if target.variant is None else model.id,
        "context_length": model.context_length,
        "max_model_len": model.context_length,
        "capabilities": [*model.capabilities] or None,
    }
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": (model.repo or "modelgen").partition("/")[0],
        **{key: value for key, value in optional.items() if value is not None},
        "state": state,
        "status": {"value": _STATUSES.get(state, "unloaded"), **({"failed": True} if state is State.FAILED else {})},
    }
