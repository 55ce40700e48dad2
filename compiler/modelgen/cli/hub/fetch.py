"""Implement `modelgen fetch`."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import click

from modelgen.cli.compiling import lock_path, read_lock
from modelgen.cli.completion import complete_models
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.hub.hub_options import parse_rate, read_token, token_option
from modelgen.cli.hub.known_complete import find_hub, is_known_complete, key_in
from modelgen.cli.options import config_option, json_option
from modelgen.files import InputError, ModelgenError
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.cli.hub.locked import Inputs
    from modelgen.hub.connection.client import Connection
    from modelgen.hub.fetching.collecting import Outcome
    from modelgen.hub.fetching.events import Report
    from modelgen.hub.fetching.planning import Wanted


@click.command("fetch")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_models)
@config_option
@token_option
@click.option(
    "--max-rate",
    metavar="RATE",
    callback=parse_rate,
    help="Limit the speed of all transfers together, such as 50MB/s.  [default: no limit]",
)
@click.option("--dry-run", is_flag=True, help="List what would be downloaded, and download nothing.")
@json_option("How to print progress; `json` prints one event per line.")
def fetch_command(  # noqa: PLR0913 - one option each
    models: tuple[str, ...],
    config: Path,
    token_file: Path | None,
    max_rate: int | None,
    *,
    dry_run: bool,
    format_: str,
) -> int:
    """Download what models.lock lists into the hub directory.

    With MODEL, only what these models need is downloaded. Every file is hashed before it counts as complete.
    Interrupted downloads continue where they stopped. If nothing is missing, no request is made.

    \b
    Example:
      modelgen lock && modelgen fetch
      modelgen fetch --dry-run
      modelgen fetch qwen3-4b --max-rate 50MB/s
      HTTPS_PROXY=http://proxy:3128 modelgen fetch --token-file ~/.secrets/hf
    """
    hub = find_hub(config)
    if read_lock(config) is None:
        raise InputError(f"there is no {lock_path(config)}; run `modelgen lock`")
    if not dry_run and hub is not None:
        _take_over_old_folder(hub)
        if is_known_complete(config, hub, models):
            return _say_nothing_is_missing(hub, format_)
    from modelgen.cli.hub.fetch_wanted import print_plan, wanted_of
    from modelgen.cli.hub.locked import read_inputs

    inputs = read_inputs(config)
    wanted = wanted_of(inputs, key_in(config, models), models)
    if dry_run:
        return print_plan(wanted, format_)
    from modelgen.cli.interruption import stopped_by_signals

    with stopped_by_signals():
        return bring_registered(inputs, wanted, read_token(token_file), format_, max_rate)


def _take_over_old_folder(hub: Path) -> None:
    from modelgen.lockfile.repos import OLD_FOLDER

    if (hub / OLD_FOLDER).is_dir():
        from modelgen.hub.cache.holding import take_over

        take_over(hub, lambda text: click.echo(f"modelgen: {text}", err=True))


def _say_nothing_is_missing(hub: Path, format_: str) -> int:
    if format_ == "json":
        from modelgen.cli.hub.progress import print_event
        from modelgen.hub.fetching.events import Done

        print_event(Done(0, 0))
    click.echo(f"{hub}: nothing is missing", err=True)
    return 0


def bring_registered(
    inputs: Inputs, wanted: Wanted, token: str | None, format_: str, max_rate: int | None = None
) -> int:
    """Register the lock for `modelgen prune`, then fetch what is missing, and return the exit code."""
    from dataclasses import replace

    from modelgen.cli.hub.registering import record_of_inputs, register_inputs

    note = register_inputs(inputs)
    wanted = replace(wanted, record=record_of_inputs(inputs))
    code = bring(wanted, token, format_, max_rate)
    if note and code == 0:
        click.echo(f"modelgen: {note}", err=True)
    return code


def bring(wanted: Wanted, token: str | None, format_: str, max_rate: int | None = None) -> int:
    """Download what is missing, show the progress, and return the exit code."""
    from modelgen.cli.hub.progress import shown
    from modelgen.hub.connection.failures import grouped
    from modelgen.hub.fetching.collecting import XetStalledError
    from modelgen.hub.fetching.events import Done, Failed
    from modelgen.hub.fetching.fetch import fetch

    try:
        with shown(format_) as report:
            try:
                outcome = fetch(wanted, partial(_connect, token, max_rate, report), report, max_rate)
            except ModelgenError as error:
                report(Failed(str(error)))
                raise
            outcome.failures = grouped(outcome.failures)
            for failure in outcome.failures:
                report(Failed(str(failure)))
            report(Done(outcome.files, outcome.bytes))
    except XetStalledError:
        _go_on_without_xet()
    except KeyboardInterrupt as error:
        from modelgen.cli.interruption import exit_code

        click.echo("modelgen: interrupted; downloads are kept, run `modelgen fetch` again", err=True)
        _leave(exit_code(error))
    except OSError as error:
        place = error.filename2 or error.filename or wanted.hub
        raise cannot("write", place, error, "fix that and run it again; downloads are kept") from error
    return _conclude(outcome, wanted)


def _connect(token: str | None, max_rate: int | None, report: Report) -> Connection:
    """Connect to the hub, without Xet if there is a limit, since its native transfer has none."""
    from importlib.util import find_spec

    from modelgen.hub.connection.client import connect
    from modelgen.hub.fetching.events import Noticed

    if max_rate is not None and not os.environ.get("HF_HUB_DISABLE_XET") and find_spec("hf_xet") is not None:
        os.environ["HF_HUB_DISABLE_XET"] = "1"
        report(Noticed("Xet has no rate limit, so --max-rate fetches over plain HTTP"))
    return connect(token)


def _conclude(outcome: Outcome, wanted: Wanted) -> int:
    from modelgen.cli.hub.fetch_wanted import exit_code_of

    for failure in outcome.failures:
        click.echo(f"modelgen: {failure}", err=True)
    if outcome.failures:
        return FOUND if outcome.has_whole else exit_code_of(outcome.failures)
    text = f"{outcome.files} file{'s' if outcome.files != 1 else ''} fetched, {of_files(outcome.bytes)}, hashes correct"
    click.echo(f"{wanted.hub}: {text if outcome.files else 'nothing is missing'}", err=True)
    return 0


def _go_on_without_xet() -> NoReturn:
    """Replace this process by a new run: a thread that hangs in the native transfer cannot be ended otherwise."""
    click.echo("modelgen: Xet received nothing for a while; continuing over plain HTTP", err=True)
    sys.stderr.flush()
    environment: Any = {**os.environ, "HF_HUB_DISABLE_XET": "1"}
    if sys.platform == "win32":
        os._exit(os.spawnve(os.P_WAIT, sys.executable, sys.orig_argv, environment))  # noqa: S606 - ourselves
    os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - ourselves


def _leave(code: int) -> NoReturn:
    """Exit without waiting for open transfers."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
