"""The state as JSON for the control API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from modelgen_runtime.failures.explanation import explain_answer
from modelgen_runtime.failures.sources import places_of, values_of
from modelgen_runtime.scheduling import eviction
from modelgen_runtime.scheduling.standing import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen_runtime.engines.engine_errors import EngineErrorKind
    from modelgen_runtime.failures.explanation import Meaning
    from modelgen_runtime.gpus.gauge import Gauge
    from modelgen_runtime.manifest import Model
    from modelgen_runtime.state.board import Board
    from modelgen_runtime.state.record import Record


def show_model(record: Record, now: float) -> dict[str, Any]:
    """Return one model. Times are seconds ago; `held_for` is seconds from now."""
    model, failure = record.model, record.failure
    shown: dict[str, Any] = {
        "id": model.id,
        "names": [*model.names],
        "variants": [variant.name for variant in model.variants],
        "engine": model.engine,
        "repo": model.repo,
        "routes": [*model.routes],
        "state": record.state,
        "wanted": record.is_wanted,
        "held": record.is_held,
        "held_by": record.holds.owner,
        "held_for": None if record.holds.end is None else round(record.holds.end - now, 3),
        "running": len(record.admission.leases),
        "waiting": len(record.line),
        "reservations": dict(model.reservations),
        "since": round(now - record.began, 3) if record.state is State.STARTING else None,
        "ready": round(now - record.ready_at, 3) if record.standing.is_open else None,
        "idle": round(now - record.admission.used, 3)
        if record.standing.is_open and not record.standing.is_busy
        else None,
        "last_start": None if record.start_seconds is None else round(record.start_seconds, 3),
        "kv_cache": _show_cache(record),
        "stuck": record.stuck,
        "failure": None,
        "errors": [_show_error(record.model, kind, now) for kind in reversed(record.admission.errors.kinds.values())],
    }
    if failure is not None:
        shown["failure"] = {
            "message": failure.message,
            "exit_code": failure.exit_code,
            "said": failure.meaning.line if failure.meaning else None,
            **_show_meaning(model, failure.meaning),
            "in_a_row": record.failures,
            "retry_after": max(0.0, round(record.not_before - now, 3)),
            "log": [*failure.lines],
        }
    return shown


def _show_cache(record: Record) -> dict[str, Any]:
    """Return the estimate of the KV cache beside what the engine printed at its last good start."""
    expected, started = record.model.expected, record.started
    return {
        "expected": None if expected is None else asdict(expected),
        "engine": None if started is None else started.table(),
        "unexpected": started is not None and started.is_unexpected(expected),
    }


def _show_error(model: Model, kind: EngineErrorKind, now: float) -> dict[str, Any]:
    """Return errors of one kind that an engine returned."""
    return {
        "status": kind.status,
        "message": kind.message,
        "count": kind.count,
        "ago": round(now - kind.last, 3),
        **_show_meaning(model, explain_answer(model.engine, kind.message)),
    }


def _show_meaning(model: Model, meaning: Meaning | None) -> dict[str, Any]:
    return {
        "name": meaning.name if meaning else None,
        "meaning": meaning.text if meaning else None,
        "remedy": meaning.remedy if meaning else None,
        "places": [*places_of(model, meaning.keys)] if meaning else [],
        "values": values_of(model, meaning) if meaning else {},
    }


def show_status(board: Board, now: float, gauge: Gauge | None = None) -> dict[str, Any]:
    """Return the whole state: GPUs, models, profiles and the queue."""
    manifest, records = board.manifest, [*board.records.values()]
    reserved = reserved_by_gpu(board)
    held = [record for record in records if record.holds_memory]
    return {
        "project": manifest.project,
        "driver": manifest.driver,
        "gpus": [
            {
                "name": gpu.name,
                "memory": gpu.memory,
                "limit": gpu.limit,
                "reserved": reserved[gpu.name],
                "models": [record.model.id for record in held if gpu.name in record.model.reservations],
                "measured": None if gauge is None else _show_measured(gauge, gpu.name, reserved[gpu.name]),
            }
            for gpu in manifest.gpus
        ],
        "models": [show_model(record, now) for record in records],
        "profiles": [
            {"name": profile.name, "models": [*profile.models], "default": profile.default}
            for profile in manifest.profiles
        ],
        "waiting": sum(len(record.line) for record in records),
        "queue_limit": manifest.settings.queue_limit,
        "capture": manifest.settings.capture,
    }


def reserved_by_gpu(board: Board) -> dict[str, int]:
    """Return the bytes that loaded models reserve on each GPU."""
    held = [record.model.reservations for record in board.records.values() if record.holds_memory]
    return {gpu.name: sum(one.get(gpu.name, 0) for one in held) for gpu in board.manifest.gpus}


def _show_measured(gauge: Gauge, gpu: str, reserved: int) -> dict[str, Any] | None:
    if (found := gauge.last(gpu)) is None:
        return None
    reading, age = found
    return {
        **reading._asdict(),
        "unreserved": max(0, reading.used - reserved),
        "age": round(age, 3),
        "stale": gauge.is_stale(age),
    }


def show_dry_run(board: Board, models: Sequence[str]) -> dict[str, Any]:
    """Return what a switch would do: the models to start, and those to evict with the reason."""
    starts = [board.records[id_] for id_ in models if not board.records[id_].standing.is_open]
    need: dict[str, int] = {}
    for record in starts:
        for gpu, size in record.model.reservations.items():
            need[gpu] = need.get(gpu, 0) + size
    staying = [one.standing for one in board.records.values() if one.holds_memory and one not in starts]
    over = {
        gpu: size + sum(one.reservations.get(gpu, 0) for one in staying) - board.policy.limits[gpu]
        for gpu, size in need.items()
    }
    victims = eviction.choose(over, [one for one in staying if one.id not in models]) or []
    return {
        "start": [record.model.id for record in starts],
        "evict": [
            {
                "model": victim.id,
                "running": victim.running,
                "reason": " and ".join(
                    f"{gpu} is short of {over[gpu] / 2**30:.1f} GiB"
                    for gpu in victim.reservations
                    if over.get(gpu, 0) > 0
                ),
            }
            for victim in victims
        ],
    }


def readiness_faults(board: Board) -> list[str]:
    """Return a sentence for each engine that should serve but does not."""
    faults = []
    for record in board.records.values():
        if record.state is State.ABSENT:
            faults.append(f"`{record.model.id}` has no container; run `modelgen up`")
        elif record.state is State.FAILED and record.asked is not None and record.failure is not None:
            faults.append(f"`{record.model.id}` {record.failure.message}")
    return faults
