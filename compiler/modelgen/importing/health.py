"""Import the times of a health check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.importing.secrets import shown
from modelgen.lower.durations import SHORTEST_START, go_seconds

if TYPE_CHECKING:
    from modelgen.importing.tables import Table

CHECKS = "how often the engine is checked follows from the engine"
_DURATION = re.compile(r"(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?", re.ASCII)
_LONGEST_COUNT = 7


def set_patience(table: Table) -> None:
    """Import how long a health check lets a start take as `start_timeout`; the rest follows from the engine.

    A container is unhealthy when `retries` checks in a row failed, of which those in `start_period` do not count.
    Docker stops no unhealthy container, so a time below the default of `start_timeout` would only stop slow starts.
    """
    service = table.lifted.server.service
    health = service.health
    if health is None:
        return
    times = {key: value.text for key, value in health.times.items() if value.is_known}
    period = _seconds(times.get("start_period", ""))
    checks = _seconds(times.get("interval", "")) * int(times["retries"]) if _is_count(times.get("retries")) else 0
    if max(period, checks) > SHORTEST_START:
        was = "start_period" if period >= checks else f"{times['retries']} retries, each after {times['interval']},"
        table.put("start_timeout", f"{max(period, checks):g}s", f"was: {was} of the health check")
    if 0 < period <= max(SHORTEST_START, checks - 1):
        table.left_out[f"healthcheck.start_period {times['start_period']}"] = (
            f"a start may take {SHORTEST_START // 60} minutes, and longer for large weights: write `start_timeout`"
        )
    written = service.written("healthcheck")
    for key, value in (written if isinstance(written, dict) else {}).items():
        is_used = key == "test" and table.lifted.server.engine.line is None and "health" in table.keys
        if key != "start_period" and not is_used:
            table.left_out[f"healthcheck.{key} {shown(value)}"] = CHECKS


def _seconds(text: str) -> float:
    """Return the seconds of a duration; 0 if it is none."""
    return go_seconds(text) if _DURATION.fullmatch(text) else 0


def _is_count(text: str | None) -> bool:
    return text is not None and text.isdecimal() and len(text) < _LONGEST_COUNT
