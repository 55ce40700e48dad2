"""Write models.measured.toml from the lines that an engine printed when it started, for `modelgen fit --learn-from`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.compiling import measured_path, read_measured
from modelgen.cli.exits import cannot
from modelgen.files import InputError
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modelgen.fit import Fitted
    from modelgen.fit.estimate import Start
    from modelgen.fit.logged import Logged
    from modelgen.lockfile.measured import MeasuredStart
    from modelgen_runtime.engines.start_lines import Started

RUNNING = "running"
_MOST_READ = 64 * 2**20
_LONGEST_LINE = 10_000
_ROUNDED = 0.01 * 2**30
_OTHER_TOKENS = 0.01
"""The share by which printed tokens may differ from those of the printed memory."""
_BUFFERS = 0.05
"""The share of the weights that buffers may add, if the log names the model and its release."""
_LOADED = ("weights", "draft", "adapters")


def learn(config: Path, fitted: Fitted, source: str, names: Sequence[str]) -> int:
    """Take over the sizes in a log, or those of the running models, and return the exit code.

    Args:
        config: The models.toml.
        fitted: What it contains, without errors.
        source: Path of a log, or `running`.
        names: Ids of the models; one for a log.

    Raises:
        InputError: The sizes cannot be taken over.
    """
    from modelgen.files import locked, replace_all
    from modelgen.fit.logged import Logged
    from modelgen.lockfile.measured import parse_measured, render_measured

    if source == RUNNING:
        found = {name: (started, Logged()) for name, started in _of_running(config, fitted, names).items()}
    else:
        found = {_only(names): _of_log(source)}
    path = measured_path(config)
    with locked(config.parent):
        old, faults = parse_measured(read_measured(config) or b"", path.name)
        if faults:
            raise InputError(faults[0].message)
        new = {**old, **{name: _measured(fitted, name, *one) for name, one in found.items()}}
        kept = {name: one for name, one in new.items() if name in fitted.resolved.runs}
        try:
            replace_all({path: render_measured(kept)})
        except OSError as error:
            raise cannot("write", path, error, "make it and its folder writable") from error
    for name in found:
        click.echo(f"{name}: {of_memory(kept[name].cache)} of KV cache and {of_memory(kept[name].weights)} of weights")
    click.echo(f"{path}: written; commit it, and run `modelgen build`", err=True)
    return 0


def _only(names: Sequence[str]) -> str:
    if len(names) != 1:
        raise click.UsageError("name the model whose log it is: `modelgen fit MODEL --learn-from LOG`")
    return names[0]


def _of_log(path: str) -> tuple[Started, Logged]:
    from modelgen.fit.logged import read_logged
    from modelgen_runtime.engines.start_lines import read_start

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - any path, /dev/stdin too
            text = file.read(_MOST_READ).decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): pass a log, or `running`") from error
    lines = [line[:_LONGEST_LINE] for line in text.splitlines()]
    started = read_start(lines)
    if started is None:
        raise InputError(f"{path} has no line of an engine that started, such as `Available KV cache memory: … GiB`")
    return started, read_logged(lines)


def _of_running(config: Path, fitted: Fitted, names: Sequence[str]) -> dict[str, Started]:
    """Return what the engines of ready models printed, if they run as the file says.

    Raises:
        InputError: None of them does.
    """
    from modelgen.cli.control.remote import ask_status
    from modelgen_runtime.engines.start_lines import stored_start

    _, status = ask_status(config, None)
    found = {
        model["id"]: stored_start(model["kv_cache"]["engine"])
        for model in status["models"]
        if model["id"] in names and model["ready"] is not None and _is_as_written(fitted, model)
    }
    found = {name: started for name, started in found.items() if started.cache and started.weights}
    if not found:
        raise InputError("no ready model has printed its sizes and runs as models.toml says; run `modelgen up` first")
    return found


def _is_as_written(fitted: Fitted, model: Mapping[str, Any]) -> bool:
    """Return whether a running model has the reservations and the estimate that the file gives it now."""
    from modelgen import fit
    from modelgen.lower.chosen import expected_of

    name, cache = model["id"], model.get("kv_cache") or {}
    expected, run = expected_of(fitted, name), fitted.resolved.runs[name]
    cards = {gpu: fitted.resolved.cards[gpu] for gpu in run.model.gpus or ()}
    is_reserved = model["reservations"] == fit.reservations(cards, run.model.gpu_memory)
    return expected is not None and is_reserved and cache.get("expected") == expected._asdict()


def _check_is_of(name: str, start: Start, started: Started, logged: Logged) -> None:
    """Check that a start may have printed these sizes.

    Raises:
        InputError: It cannot have, for its weights or the bytes of a token are others, or its memory is not enough.
    """
    from modelgen.fit.estimate import estimate

    weights, cache = started.weights or 0.0, started.cache or 0.0
    found = estimate(start._replace(measured=None, length=logged.length or start.length))
    reserved = min(found.lines[0].amount.high, start.memory * start.share)
    # Engines print the weights with those of drafts and the slots for adapters, and round them.
    least = found.lines[1].amount.low - _ROUNDED
    most = sum(line.amount.high for line in found.lines if line.name in _LOADED) + _ROUNDED
    if logged.model is not None and logged.version is not None:
        most += _BUFFERS * start.weights
    tokens = [found.cache.printed(int(cache + error)) for error in (-_ROUNDED, _ROUNDED)]
    if not least <= weights <= most:
        has = f"{of_memory(weights)} of weights, and `{name}` has {of_memory(least)} to {of_memory(most)} on each GPU"
    elif weights + cache > reserved:
        both = of_memory(weights + cache)
        has = f"{both} of weights and KV cache, and `{name}` reserves at most {of_memory(reserved)} of each GPU"
    elif started.tokens and not tokens[0] * (1 - _OTHER_TOKENS) <= started.tokens <= tokens[1] * (1 + _OTHER_TOKENS):
        has = (
            f"{started.tokens:,.0f} tokens in {of_memory(cache)} of KV cache, "
            f"and `{name}` has {tokens[0]:,} to {tokens[1]:,}"
        )
    else:
        return
    raise _of_another_start(has)


def _of_another_start(has: str) -> InputError:
    return InputError(f"the log is of another start: it has {has}; pass the log of a start with this models.toml")


def _measured(fitted: Fitted, name: str, started: Started, logged: Logged) -> MeasuredStart:
    from modelgen.fit.budgets import PARTS
    from modelgen.fit.estimate import Start
    from modelgen.fit.measured import flags_digest
    from modelgen.lockfile.measured import MeasuredStart

    one, run, entry = fitted.estimates.get(name), fitted.resolved.runs[name], fitted.resolved.pins[name].entry
    if one is None or entry is None or run.version is None or run.engine is None:
        raise InputError(
            f"`{name}` cannot be estimated, so nothing can be learned for it: `modelgen fit {name}` says why"
        )
    if not isinstance(one.start, Start):
        raise InputError(f"nothing can be learned for {run.engine.title}, which takes what it needs")
    if not started.cache or not started.weights:
        raise InputError("the log lacks the line about the weights or about the memory for the KV cache")
    tensor = run.args.get("tensor-parallel-size", 1)
    for has in logged.differences(run.version.text, run.model.repo, tensor, one.start.share):
        raise _of_another_start(has)
    _check_is_of(name, one.start, started, logged)
    return MeasuredStart(
        commit=entry.commit,
        version=run.version.text,
        flags=flags_digest(run.args, run.engine.length),
        memory=one.start.memory,
        gpus=len(run.model.gpus or ()),
        parts=round(one.start.share * PARTS),
        weights=int(started.weights),
        cache=int(started.cache),
    )
