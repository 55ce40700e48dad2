"""Refusals of requests and switches, with messages that name the next step."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.failures.sources import places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.state.record import Record

_MIB, _GIB = 2**20, 2**30


def full(limit: int) -> RefusedError:
    """Return the refusal of a request while the queue is full."""
    message = f"{limit} requests are waiting already (`queue_limit`); try again in a moment"
    return RefusedError(503, "queue_full", message, retry_after=5)


def buffers_full(limit: int) -> RefusedError:
    """Return the refusal of a request while the bodies of waiting requests fill `buffer_limit`."""
    message = f"the bodies of waiting requests fill {limit / _MIB:.0f} MiB (`buffer_limit`); try again in a moment"
    return RefusedError(503, "buffers_full", message, retry_after=5)


def no_descriptors() -> RefusedError:
    """Return the refusal of a request while file descriptors run out."""
    message = "too many connections are open (the limit of open files, `ulimit -n`); try again in a moment"
    return RefusedError(503, "too_many_connections", message, retry_after=5)


def unknown(name: str, names: Iterable[str]) -> RefusedError:
    """Return the refusal of an unknown name, with the closest known ones."""
    close = difflib.get_close_matches(name[:200], names, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(f'`{one}`' for one in close)}?" if close else "GET /v1/models lists them"
    return RefusedError(404, "model_not_found", f"there is no model `{name[:200]}`; {hint}")


def not_for_key(name: str, key: str) -> RefusedError:
    """Return the refusal of a model that a key may not use."""
    message = (
        f"the key `{key}` may not use `{name}`; GET /v1/models lists its models, and `models=` in the keys file sets"
    )
    return RefusedError(403, "model_not_allowed", f"{message} them")


def gone(model: str) -> RefusedError:
    """Return the refusal of a model that the manifest no longer contains."""
    return RefusedError(404, "model_not_found", f"`{model}` was removed from models.toml")


def absent(model: str) -> RefusedError:
    """Return the refusal of a model without a container."""
    message = f"`{model}` has no container; run `modelgen up`"
    return RefusedError(503, "model_absent", message, retry_after=5)


def ended(model: str) -> RefusedError:
    """Return the refusal of a request whose engine stopped before it was complete."""
    return RefusedError(503, "engine_stopped", f"`{model}` was stopped before this request was complete", retry_after=1)


def cut_short(model: str) -> RefusedError:
    """Return the refusal of a request that was still running when its model's drain timeout expired."""
    message = f"`{model}` had to stop, and this request was still running after `drain_timeout`"
    return RefusedError(503, "engine_stopped", message, retry_after=1)


def held(record: Record, now: float) -> RefusedError:
    """Return the refusal of a model that is held."""
    model, end = record.model.id, record.holds.end
    way_out = (
        f"it can run again after `modelgen release {model}` (POST /models/{model}/release)"
        if end is None
        else f"it can run again in at most {max(1, math.ceil(end - now))} s, unless the hold is renewed"
    )
    return RefusedError(409, "model_held", f"`{model}` is held by {record.holds.owner}; {way_out}")


def released(model: str) -> RefusedError:
    """Return the refusal of a stop that was canceled, since the hold ended before the model had stopped."""
    return RefusedError(409, "model_released", f"`{model}` was released before it had stopped")


def stopped(model: str) -> RefusedError:
    """Return the refusal of a switch to a model that an operator stopped before it was ready."""
    return RefusedError(409, "model_stopped", f"`{model}` was stopped by an operator; switch to it again")


def stuck(model: str, why: str) -> RefusedError:
    """Return the refusal of a model whose GPU is occupied by an engine that cannot be stopped."""
    message = f"`{model}` cannot be stopped, so its GPU is not free: {why}"
    return RefusedError(503, "engine_stuck", message, retry_after=10)


def superseded(model: str, by: Iterable[str]) -> RefusedError:
    """Return the refusal of a switch that a later, conflicting switch replaced."""
    names = ", ".join(f"`{one}`" for one in by)
    return RefusedError(409, "superseded", f"a later switch to {names} replaced this switch to `{model}`")


def too_large(shortage: Mapping[str, int]) -> RefusedError:
    """Return the refusal of models that never fit together."""
    cards = ", ".join(f"{gpu} is short of {size / _GIB:.1f} GiB" for gpu, size in sorted(shortage.items()))
    return RefusedError(
        409,
        "never_fits",
        f"this can never fit: {cards}; lower `gpu_memory` or raise the `limit` of the GPU in models.toml",
    )


def fault() -> RefusedError:
    """Return the refusal of a request that hit a bug of modelgen; the caller logs it."""
    return RefusedError(500, "internal_error", "internal error of modelgen; see the log of the orchestrator")


def not_loaded(model: str) -> RefusedError:
    """Return the refusal of what only a loaded model has."""
    return RefusedError(409, "model_not_loaded", f"`{model}` is not loaded, so its engine has no metrics")


def no_metrics(model: str, why: str) -> RefusedError:
    """Return the refusal of the metrics of an engine that has none."""
    return RefusedError(502, "no_metrics", f"the engine of `{model}` returned no metrics: {why}")


def no_request(number: str) -> RefusedError:
    """Return the refusal of a number that no request has, or none of the last ones."""
    return RefusedError(
        404, "request_not_found", f"there is no request {number[:20]}, or it is not among the last ones"
    )


def not_captured(number: int, *, is_on: bool) -> RefusedError:
    """Return the refusal to show a request whose body is not kept."""
    why = (
        "is no longer kept: later ones took its place; raise `capture`"
        if is_on
        else "was not kept; write `capture = 100` in `[orchestrator]`, and send it again"
    )
    return RefusedError(404, "request_not_captured", f"the request {number} {why}")


def request_ended(number: int) -> RefusedError:
    """Return the refusal to cancel a request that has ended."""
    return RefusedError(409, "request_ended", f"the request {number} has ended")


def canceled() -> RefusedError:
    """Return the refusal of a request that was canceled."""
    return RefusedError(410, "request_canceled", "this request was canceled by an operator (DELETE /requests/ID)")


def stopping() -> RefusedError:
    """Return the refusal of a request while the orchestrator shuts down."""
    return RefusedError(503, "shutting_down", "the orchestrator is shutting down", retry_after=5)


def failed(record: Record, now: float) -> RefusedError:
    """Return the refusal of a model that failed, with the reason in `record.failure`."""
    failure = record.failure
    assert failure is not None, "a model that failed has a failure"  # noqa: S101 - an invariant
    parts = [f"`{record.model.id}` {failure.message}"]
    places = places_of(record.model, failure.meaning.keys if failure.meaning else ())
    if failure.meaning is not None:
        where = f" ({', '.join(places)})" if places else ""
        parts += [failure.meaning.text, failure.meaning.remedy + where]
    wait = max(1, math.ceil(record.not_before - now))
    return RefusedError(
        503,
        "model_absent" if failure.is_absent else "model_failed",
        "; ".join(parts),
        retry_after=wait,
        log=failure.lines,
        places=places,
    )
