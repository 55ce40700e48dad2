"""Implement `modelgen serve`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from modelgen.cli.compiling import lock_path, print_findings, read_config, read_lock, read_measured, reader
from modelgen.cli.exits import FOUND
from modelgen.cli.options import config_option
from modelgen.engines import ENGINES
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from modelgen.pipeline import Compilation

_LONGEST_PID = 20


@click.command("serve")
@config_option
@click.option("--reload", "reload_", is_flag=True, help="Apply the file to a running `modelgen serve`.")
def serve_command(config: Path, *, reload_: bool) -> int:
    """Run the models and their orchestrator on this host, without Docker.

    Engines run as child processes: programs of `command`, and vLLM and llama-server if they are installed here. State
    and logs are in .modelgen/ beside the file. Ctrl-C stops all engines; after a crash, the next `serve` adopts those
    that still run.

    \b
    Example:
      modelgen serve
      modelgen serve --config prod/models.toml
      modelgen serve --reload
    """
    if sys.platform == "win32":
        raise ModelgenError("`serve` needs Linux or macOS; on Windows, run it in WSL2 or use Docker")
    compilation = _compile(config)
    print_findings(compilation, "human", to_stderr=True)
    if compilation.failed:
        return FOUND
    _refuse_others(compilation)
    _explain_limits(compilation)
    _explain_missing(compilation)
    _explain_builds(compilation)
    _explain_weights(compilation, config)
    from modelgen.cli.control.remote import ask_status, running_url
    from modelgen.cli.state_folder import NAME, write_state

    folder = config.parent / NAME
    running = running_url(folder)
    if not reload_:
        _refuse_second(folder, running)
    write_state(folder, compilation.artifacts)
    manifest = folder / "manifest.json"
    if reload_:
        orchestrator, _ = ask_status(config, running)
        answer = orchestrator.ask("POST", "/reload", {})
        click.echo(f"{manifest}: reloaded", err=True)
        for key in answer["needs_restart"]:
            click.echo(f"`{key}` has changed too; restart `modelgen serve` to apply it", err=True)
        return 0
    return _become(manifest)


def _explain_limits(compilation: Compilation) -> None:
    """Print which models have a key that only a container has; the same file may be for Docker too."""
    assert compilation.fleet is not None, "it has no errors"  # noqa: S101 - an invariant
    services = compilation.fleet.services
    limited = [service.model for service in services if service.cpus is not None]
    capped = [service.model for service in services if service.host_memory is not None]
    keeping = [service.model for service in services if service.caches and "cache" in ENGINES[service.engine].keys]
    for effect, models in (
        ("`cpus` limits containers", limited),
        ("`host_memory` limits containers", capped),
        ("`cache` makes volumes of containers", keeping),
    ):
        if named := ", ".join(f"`{model}`" for model in models):
            click.echo(f"{effect}, and has no effect on {named} here", err=True)


def _explain_missing(compilation: Compilation) -> None:
    """Print the programs of engines that are not installed here; another shell may have them on its PATH."""
    assert compilation.fleet is not None, "it has no errors"  # noqa: S101 - an invariant
    missing: dict[str, list[str]] = {}
    for service in compilation.fleet.services:
        program = service.launch.entrypoint[0] if service.launch.entrypoint else ""
        if ENGINES[service.engine].needs_repo and program and shutil.which(program) is None:
            missing.setdefault(program, []).append(f"`{service.model}`")
    for program, models in missing.items():
        click.echo(f"{program} is not on the PATH here, and {', '.join(models)} cannot start without it", err=True)


def _explain_builds(compilation: Compilation) -> None:
    """Print where the installed program is of another build than the one whose flags were checked."""
    from modelgen.engines.images.versions import parse_version
    from modelgen.operate.installed import installed_version

    assert compilation.fleet is not None, "it has no errors"  # noqa: S101 - an invariant
    runs = compilation.fitted.resolved.runs if compilation.fitted else {}
    installed: dict[str, str | None] = {}
    for service in compilation.fleet.services:
        engine, checked = ENGINES[service.engine], runs[service.model].version
        program = shutil.which(service.launch.entrypoint[0]) if service.launch.entrypoint else None
        if program is None or checked is None:
            continue
        if program not in installed:
            installed[program] = installed_version(engine, program)
        found = installed[program]
        if found is not None and parse_version(found) != checked:
            text = f"{program} is {found}, but the flags of `{service.model}` are checked for {checked.text}"
            click.echo(f'{text}; write `version = "{found}"` in `[engines.{service.engine}]`', err=True)


def _explain_weights(compilation: Compilation, config: Path) -> None:
    """Print which files are missing in the hub directory; models that do not need them can start."""
    from modelgen.cli.hub.fetch_wanted import wanted_of
    from modelgen.cli.hub.known_complete import find_hub, is_known_complete, key_in
    from modelgen.cli.hub.locked import read_inputs

    assert compilation.fleet is not None, "it has no errors"  # noqa: S101 - an invariant
    for service in compilation.fleet.services:
        paths = [word for word in service.launch.command if word.startswith("/") and "/snapshots/" in word]
        if missing := [path for path in paths if not Path(path).exists()]:
            text = f"{missing[0]} does not exist, and `{service.model}` cannot start without it"
            click.echo(f"{text}; run `modelgen fetch`", err=True)
    if read_lock(config) is None or is_known_complete(config, find_hub(config)):
        return
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.sizes import of_files

    inputs = read_inputs(config)
    if not any(run.model.repo is not None for run in inputs.runs.values()):
        return
    wanted = wanted_of(inputs, key_in(config))
    if size := wanted.plan(Seen(wanted.hub)).size:
        click.echo(f"{of_files(size)} are missing in {wanted.hub}; run `modelgen fetch`", err=True)


def _refuse_second(folder: Path, url: str | None) -> None:
    """Refuse to overwrite the manifest of a running orchestrator, which holds the lock beside it.

    Raises:
        ModelgenError: An orchestrator runs.
    """
    import fcntl

    try:
        with (folder / "lock").open("r+", encoding="ascii") as file:
            pid = file.read(_LONGEST_PID).strip()
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        where = ", ".join(part for part in (f"pid {pid}" if pid else "", f"at {url}" if url else "") if part)
        raise ModelgenError(
            f"`modelgen serve` is already running here ({where or folder}); stop it first, or apply the file with "
            "`modelgen serve --reload`"
        ) from error
    except (OSError, ValueError):
        return  # no lock yet, or it cannot be read: the orchestrator reports that itself


def _become(manifest: Path) -> NoReturn:
    """Replace this process by the orchestrator, without the compiler in its memory."""
    sys.stdout.flush()
    sys.stderr.flush()
    arguments = [sys.executable, "-m", "modelgen_runtime", str(manifest), "--state", str(manifest.parent)]
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell


def _compile(config: Path) -> Compilation:
    data, lock, measured = read_config(config), read_lock(config), read_measured(config)
    from modelgen.pipeline import compile_source
    from modelgen.targets import ON_HOST

    root = Path(os.path.abspath(config.parent)).as_posix()  # noqa: PTH100 - links stay as the user has them
    return compile_source(
        data,
        lock,
        measured,
        path=config.as_posix(),
        lock_path=lock_path(config).as_posix(),
        targets=(ON_HOST,),
        root_from_out=root,
        read=reader(config),
    )


def _refuse_others(compilation: Compilation) -> None:
    """Refuse engines that exist only inside their images."""
    assert compilation.fleet is not None, "it has no errors"  # noqa: S101 - an invariant
    if not compilation.fleet.orchestrator.enabled:
        raise InputError("`[orchestrator] enabled` is false, so there is nothing to serve; remove that key")
    from modelgen.engines import ENGINES

    services = compilation.fleet.services
    others = [service for service in services if not ENGINES[service.engine].on_host]
    if others:
        known = [engine.name for engine in ENGINES.values() if engine.on_host and engine.needs_repo]
        named = ", ".join(f"`{service.model}` ({service.engine})" for service in others)
        raise InputError(
            f'{named} can run only in a container; `serve` runs {", ".join(known)} and, with `engine = "command"`, any '
            "program that is installed here"
        )
