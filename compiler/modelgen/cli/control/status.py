"""Implement `modelgen status`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.control.remote import ask_status, remote_options
from modelgen.cli.options import NAME
from modelgen.cli.terminal import table, width_of
from modelgen.files import ModelgenError
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from modelgen.operate.control import Orchestrator


@click.command("status")
@remote_options
def status_command(config: Path, url: str | None, *, format_: str) -> int:
    """Show the project, the memory of the GPUs, the models, and the waiting requests.

    \b
    Example:
      modelgen status
      modelgen status --format json
    """
    orchestrator, status = ask_status(config, url) if url or config.exists() else _ask_default(config)
    if format_ == "json":
        click.echo(json.dumps(status, indent=2, ensure_ascii=False))
        return 0
    click.echo(f"{status['project']} at {orchestrator.url}")
    print_status(status)
    return 0


def _ask_default(config: Path) -> tuple[Orchestrator, dict[str, Any]]:
    """Return the status at the default address, for a folder without a models.toml.

    Raises:
        ModelgenError: Nothing answers there, so the file is missing.
    """
    from modelgen.engines.host.addresses import DEFAULT_LISTEN

    try:
        if config == Path(NAME):
            return ask_status(config, f"http://{DEFAULT_LISTEN}")
    except ModelgenError:
        pass
    return ask_status(config, None)  # the error names the file


def print_status(status: dict[str, Any]) -> None:
    """Print a status as a table.

    Raises:
        ModelgenError: The orchestrator is older than 0.1.0, whose fields have other names.
    """
    if any("reserved" not in gpu for gpu in status["gpus"]):
        raise ModelgenError("this orchestrator has an older version; run `modelgen up` or restart `modelgen serve`")
    for gpu in status["gpus"]:
        holders = f": {', '.join(gpu['models'])}" if gpu["models"] else ""
        reserved = f"{of_memory(gpu['reserved'])} of {of_memory(gpu['limit'])} reserved"
        click.echo(f"{gpu['name']}  {reserved}{holders}{_measured(gpu)}")
    rows = [("MODEL", "STATE", "RUNNING", "WAITING", ""), *(_row(model) for model in status["models"])]
    for line in table(rows, width_of(sys.stdout)):
        click.echo(line)


def _measured(gpu: dict[str, Any]) -> str:
    """Return what the driver measured of a GPU, with `gpu_stats`."""
    if (found := gpu.get("measured")) is None:
        return ""
    age = f", {_span(found['age'])} ago" if found["stale"] else ""
    beyond = found["unreserved"]
    return f"; measured {of_memory(found['used'])}, {of_memory(beyond)} of it not reserved{age}"


def _row(model: dict[str, Any]) -> tuple[str, str, str, str, str]:
    notes = [f"held by {model.get('held_by', 'an operator')}"] if model["held"] else []
    if variants := model.get("variants"):
        notes.append(f"variants {' '.join(variants)}")
    if model["since"] is not None:
        notes.append(f"for {_span(model['since'])}")
    if model["idle"] is not None:
        notes.append(f"idle for {_span(model['idle'])}")
    if (cache := model.get("kv_cache", {})).get("engine") and model["ready"] is not None:
        notes += _tokens(cache)
    if model["failure"] is not None:
        notes.append(f"{model['failure']['message']}; `modelgen why {model['id']}` says more")
    return model["id"], model["state"], str(model["running"]), str(model["waiting"]), ", ".join(notes)


def _tokens(cache: dict[str, Any]) -> list[str]:
    """Return what the engine printed of its KV cache, and the estimate if it is another one."""
    tokens, expected = cache["engine"]["tokens"], cache["expected"]
    if tokens is None:
        return []
    note = f"{tokens:,.0f} tokens of KV cache"
    if cache["unexpected"]:
        note += f", expected {expected['least']:,} to {expected['most']:,}: `modelgen fit --learn-from running`"
    return [note]


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
