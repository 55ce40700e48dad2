"""Wait for models to load: one updated line on a terminal, otherwise one line per change."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.reading import printable
from modelgen.cli.terminal import is_terminal
from modelgen.files import ModelgenError
from modelgen.operate.control import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modelgen.operate.control import Orchestrator

_PAUSE = 0.2
_MOVING = ("starting", "stopping", "draining")
_START_MARK = "[modelgen] "
_LINES = 5


def await_resumed(orchestrator: Orchestrator) -> dict[str, Any]:
    """Wait until the orchestrator starts the models that ran last, else the default profile; return the status.

    Args:
        orchestrator: The client of its API.
    """
    while not (status := orchestrator.ask("GET", "/status"))["resumed"]:
        time.sleep(_PAUSE)
    return status


def await_models(orchestrator: Orchestrator, models: Iterable[str], is_asking: Callable[[], bool]) -> dict[str, Any]:
    """Wait until each of these models is ready, has failed, or will not be started; return the status.

    Args:
        orchestrator: The client of its API.
        models: Their ids.
        is_asking: Returns whether switches to some of them are still running.
    """
    names, display = [*models], _Moving() if is_terminal(sys.stderr) else _Plain()
    try:
        while True:
            was_asking = is_asking()  # before the status, so that the status has the result
            status = orchestrator.ask("GET", "/status")
            shown = [model for model in status["models"] if model["id"] in names]
            coming = [model for model in shown if _is_coming(model, status["models"])]
            display.show(orchestrator, shown, coming)
            if not coming and not was_asking:
                return status
            time.sleep(_PAUSE)
    finally:
        display.clear()


def _is_coming(model: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """Return whether a model loads, or will load when its GPUs are free; False if nothing makes room for it."""
    if not model["wanted"] or model["state"] in ("ready", "failed"):
        return False
    cards = model["reservations"].keys()
    return model["state"] in _MOVING or any(
        one["state"] in _MOVING and cards & one["reservations"].keys() for one in others
    )


class _Plain:
    """Prints one line per change, for logs."""

    def __init__(self) -> None:
        self._shown_states: dict[str, str] = {}

    def show(self, _: Orchestrator, shown: list[dict[str, Any]], coming: list[dict[str, Any]]) -> None:
        names = {model["id"] for model in coming}
        for model in shown:
            name, state = model["id"], str(model["state"])
            if (name in names or name in self._shown_states) and self._shown_states.get(name) != state:
                self._shown_states[name] = state
                click.echo(f"{name}: {state}", err=True)

    def clear(self) -> None:
        """Do nothing: printed lines stay."""


class _Moving:
    """Updates one line, as wide as the terminal."""

    def show(self, orchestrator: Orchestrator, _: list[dict[str, Any]], coming: list[dict[str, Any]]) -> None:
        if not coming:
            return
        from rich.cells import set_cell_size

        first = next((model for model in coming if model["state"] == "starting"), coming[0])
        seconds = f" {first['since']:.0f} s" if first["since"] is not None else ""
        more = f" (+{len(coming) - 1})" if len(coming) > 1 else ""
        text = f"{first['id']} {first['state']}{seconds}{more}: {_progress(orchestrator, first['id'])}"
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        sys.stderr.write(f"\r\x1b[K{set_cell_size(printable(text), width).rstrip()}")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _progress(orchestrator: Orchestrator, model: str) -> str:
    """Return the last line that an engine has printed in this start; empty if there is none."""
    try:
        lines = orchestrator.ask("GET", f"/logs/{quoted(model)}?lines={_LINES}")["lines"]
    except ModelgenError:  # its container was removed meanwhile; the state shows it
        return ""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return "" if last.startswith(_START_MARK) else last.strip()
