"""`modelgen fetch`."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import click

from modelgen.cli.compiling import config_option, lock_path, read_config, read_lock
from modelgen.cli.exits import cannot
from modelgen.cli.locked import Inputs, hub_directory, read_inputs, read_token, token_option
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.fetching.fetch import Outcome, Wanted


@click.command("fetch")
@config_option
@token_option
@click.option("--dry-run", is_flag=True, help="Print what would come, and bring nothing.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("human", "json")),
    default="human",
    show_default=True,
    help="How progress looks; `json` is one event a line.",
)
def command(config: Path, token_file: Path | None, *, dry_run: bool, format_: str) -> int:
    """Bring the snapshots of models.lock into the hub directory.

    What is there already is kept; a run that was killed continues where it stopped. With everything there, nobody is
    asked.

    \b
    Example:
      modelgen lock && modelgen fetch
      modelgen fetch --dry-run
      HTTPS_PROXY=http://proxy:3128 modelgen fetch --token-file ~/.secrets/hf
    """
    data, lock = read_config(config), read_lock(config)
    if lock is None:
        raise InputError(f"there is no {lock_path(config)}; run `modelgen lock`")
    from modelgen.hub.fetching.remembered import Seen, key_of

    key, hub = key_of(data, lock), hub_in(data, config)
    if not dry_run and hub is not None and Seen(hub).is_complete(key):
        return _say_nothing_is_missing(hub, format_)
    wanted = wanted_of(read_inputs(config), key)
    if dry_run:
        return _print_plan(wanted, format_)
    return bring(wanted, read_token(token_file), format_)


def hub_in(data: bytes, config: Path) -> Path | None:
    """Return the hub directory that a models.toml names, or None: what is wrong, who reads it properly says."""
    import tomllib

    try:
        return hub_directory(tomllib.loads(data.decode())["project"]["hub"], config.parent)
    except (ValueError, LookupError, TypeError, AttributeError, ModelgenError):
        return None


def _say_nothing_is_missing(hub: Path, format_: str) -> int:
    if format_ == "json":
        from modelgen.cli.progress import print_event
        from modelgen.hub.fetching.events import Done

        print_event(Done(0, 0))
    click.echo(f"{hub}: everything is there", err=True)
    return 0


def wanted_of(inputs: Inputs, key: str) -> Wanted:
    """Return what models.toml needs of its lock.

    Raises:
        InputError: The lock is not that file's.
    """
    from modelgen.engines.assets import outside, wants
    from modelgen.hub.fetching.fetch import Wanted
    from modelgen.hub.layout import checkouts

    lock = inputs.lock
    assert lock is not None, "a broken one was an error already"  # noqa: S101 - an invariant
    snapshots = []
    for want in wants(inputs.document, lock):
        entry = lock.find(want)
        if entry is None:
            models = ", ".join(want.models)
            raise InputError(f"{inputs.lock_path} does not have {want.repo} as {models} needs it; run `modelgen lock`")
        snapshots.append(entry)
    needed = {file.sha256 for file in outside(inputs.document, lock)}
    assets = [asset for asset in lock.assets if asset.sha256 in needed]
    return Wanted(inputs.hub, key, checkouts(inputs.hub, snapshots), assets)


def _print_plan(wanted: Wanted, format_: str) -> int:
    from modelgen.hub.fetching.remembered import Seen

    plan = wanted.plan(Seen(wanted.hub))
    # One content may have several places; it comes once.
    rows = [
        (checkout.repo, file.path, 0 if number else job.file.size - job.have)
        for job in plan.jobs
        for number, (checkout, file) in enumerate(job.places)
    ]
    rows += [("elsewhere", asset.name, asset.size or 0) for asset in plan.assets]
    if format_ == "json":
        import json

        files = [{"repo": repo, "file": file, "bytes": size} for repo, file, size in rows]
        click.echo(json.dumps({"files": files, "bytes": plan.size}, indent=2))
        return 0
    width = max((len(f"{size:,}") for *_, size in rows), default=0)
    for repo, file, size in rows:
        click.echo(f"{size:>{width},}  {repo}  {file}")
    click.echo(f"{len(rows)} file{'s' if len(rows) != 1 else ''}, {plan.size:,} bytes to fetch", err=True)
    return 0


def bring(wanted: Wanted, token: str | None, format_: str) -> int:
    """Bring what is missing, show how far it is, and return the exit code."""
    from modelgen.cli.progress import shown
    from modelgen.hub.client import connect
    from modelgen.hub.fetching.events import Done, Failed
    from modelgen.hub.fetching.fetch import XetStalledError, fetch

    try:
        with shown(format_) as report:
            try:
                outcome = fetch(wanted, partial(connect, token), report)
            except ModelgenError as error:
                report(Failed(str(error)))
                raise
            for failure in outcome.failures:
                report(Failed(str(failure)))
            report(Done(outcome.files, outcome.bytes))
    except XetStalledError:
        _go_on_without_xet()
    except KeyboardInterrupt as error:
        from modelgen.cli.interruption import exit_code

        click.echo("modelgen: interrupted; what came is kept, run `modelgen fetch` again", err=True)
        _leave(exit_code(error))
    except OSError as error:
        place = error.filename2 or error.filename or wanted.hub
        raise cannot("write", place, error, "mend that and run it again; what came is kept") from error
    return _conclude(outcome, wanted)


def _conclude(outcome: Outcome, wanted: Wanted) -> int:
    for failure in outcome.failures:
        click.echo(f"modelgen: {failure}", err=True)
    if outcome.failures:
        return min(failure.exit_code for failure in outcome.failures)
    text = f"{outcome.files} file{'s' if outcome.files != 1 else ''} fetched, {outcome.bytes:,} bytes, hashes right"
    click.echo(f"{wanted.hub}: {text if outcome.files else 'everything is there'}", err=True)
    return 0


def _go_on_without_xet() -> NoReturn:
    """Begin again in this process's place: a thread that hangs in the native transfer cannot be ended otherwise."""
    click.echo("modelgen: no byte came through Xet for a while; going on over plain HTTP", err=True)
    sys.stderr.flush()
    environment: Any = {**os.environ, "HF_HUB_DISABLE_XET": "1"}
    if sys.platform == "win32":
        os._exit(os.spawnve(os.P_WAIT, sys.executable, sys.orig_argv, environment))  # noqa: S606 - ourselves
    os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - ourselves


def _leave(code: int) -> NoReturn:
    """End at once: transfers that are still open would be waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
