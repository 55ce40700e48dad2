"""Share code among the commands that work on the hub directory: read models.toml and its lock."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import check_bytes, lock_path, print_findings, read_config, read_lock
from modelgen.cli.exits import FOUND
from modelgen.cli.hub.hub_options import hub_directory, refuse_misplaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock
    from modelgen.resolve import ModelRun

# Errors that stop the commands for the hub directory: the shape of the file, repositories and their files, unknown
# engines, and an unreadable lock. Errors in flags do not matter to them.
_STOPPING = ("MG0", "MG1", "MG201", "MG501", "MG502")


@dataclass(frozen=True)
class Inputs:
    """The inputs of a command for the hub directory.

    Args:
        config: The path of models.toml.
        document: The file.
        lock: Its lock, or None if there is none yet.
        hub: The hub directory, absolute.
        runs: What each model runs on, by the model's id.
    """

    config: Path
    document: Document
    lock: Lock | None
    hub: Path
    runs: Mapping[str, ModelRun]

    @property
    def lock_path(self) -> Path:
        """The path of the lock, which need not exist."""
        return lock_path(self.config)


def read_inputs(config: Path) -> Inputs:
    """Read models.toml and its lock; print the errors that matter here, and exit if there are any."""
    inputs = inputs_of(config, read_config(config), read_lock(config))
    refuse_misplaced(inputs.document.config.project.hub, inputs.hub)
    return inputs


def inputs_of(config: Path, data: bytes, lock: bytes | None) -> Inputs:
    """Return the inputs in the bytes of both files, which need not be written yet; see `read_inputs`."""
    # The command line turns the garbage collector off for short commands; these run for hours.
    gc.enable()
    from modelgen.diagnostics import Severity

    checked = check_bytes(config, data, lock)
    errors = [
        found for found in checked.diagnostics if found.severity is Severity.ERROR and found.code.startswith(_STOPPING)
    ]
    resolved = checked.resolved
    if errors or resolved is None:
        print_findings(replace(checked, diagnostics=errors), "human", to_stderr=True)
        click.get_current_context().exit(FOUND)
    hub = hub_directory(resolved.document.config.project.hub, config.parent)
    return Inputs(config, resolved.document, resolved.lock, hub, resolved.runs)


def named_models(inputs: Inputs, models: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the models that a command line names, without duplicates; all models if it names none."""
    return chosen_models(inputs.document, inputs.config, models)


def names_of(document: Document) -> dict[str, tuple[str | None, ...]]:
    """Return the ids of the models, each with its other names."""
    return {name: (model.repo, *(model.aliases or ())) for name, model in document.models.items()}


def chosen_models(document: Document, config: Path, models: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the models that a command line names, without duplicates; all models if it names none."""
    known = names_of(document)
    return tuple(dict.fromkeys(find_id(name, known, config) for name in models)) or tuple(known)


def find_id(name: str, known: Mapping[str, Iterable[object]], config: Path) -> str:
    """Return the id of the model that a command line names: by its id, or by an alias or repository id of its own.

    Args:
        name: The name.
        known: The ids of the models, each with its other names.
        config: The models.toml, for messages.

    Raises:
        click.UsageError: No model has the name, or several have it.
    """
    if name in known:
        return name
    found = [id_ for id_, others in known.items() if name in others]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(f"several models of {config} have the name `{name}`: {', '.join(found)}")
    from modelgen.diagnostics import did_you_mean

    raise click.UsageError(f"{config} has no model `{name}`: {did_you_mean(name, known)}".rstrip(": "))
