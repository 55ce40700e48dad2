"""Implement `modelgen init`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import cannot
from modelgen.cli.options import NAME, in_folder
from modelgen.files import InputError, ModelgenError, create

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.hub.snapshot.scan import Found

STARTER = Path(__file__).parent / "starter.toml"
_IN_PROJECT = "./models/hub"
_NEXT = "`modelgen validate` and `modelgen up`"


@click.command("init")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("models.toml"),
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--hub",
    type=click.Path(path_type=Path),
    default=None,
    help="A hub cache with models.  [default: models/hub beside it, else the client's own]",
)
def init_command(config: Path, hub: Path | None) -> int:
    """Write a commented models.toml to start from. An existing file is never overwritten.

    The file gets the GPUs that nvidia-smi or rocm-smi lists, the newest image that the driver runs, and, if there is a
    hub cache with models, a table for each of them. What is not found stays an example.

    \b
    Example:
      modelgen init
      modelgen init --hub /srv/models/hub
    """
    config = in_folder(config)
    if config.suffix != ".toml":
        raise click.UsageError(f"`--config` names a file that ends in .toml: pass --config {config / NAME}")
    if config.exists() or config.is_symlink():
        raise _is_there(config)
    if hub is not None:
        _refuse_misplaced(hub)
    text, talk = _from_hub(config, hub)
    try:
        create(config, text.encode())
    except FileExistsError as error:
        raise _is_there(config) from error
    except OSError as error:
        raise cannot("write", config, error, "make its directory writable, or pass another --config") from error
    for line in talk:
        click.echo(line, err=True)
    return 0


def _refuse_misplaced(hub: Path) -> None:
    from modelgen.hub_root import about_root, find_root

    if (root := find_root(hub)) is not None:
        raise InputError(f"{about_root(hub, root)}; pass --hub {shlex.quote(str(root))}")


def _is_there(config: Path) -> ModelgenError:
    return ModelgenError(f"{config} exists; edit it, or choose another file with --config")


def _from_hub(config: Path, given: Path | None) -> tuple[str, list[str]]:
    """Return the text of the file, and messages about it."""
    from modelgen.cli.configuration.machine import look_at, with_machine
    from modelgen.cli.configuration.starter import with_name
    from modelgen.operate.doctor import Host

    machine = look_at(Host())
    starter = with_name(STARTER.read_text(encoding="utf-8"), config.absolute().parent.name)
    starter = with_machine(starter, machine)
    seen = [f"found {sentence}" for sentence in machine.sentences]
    for hub, written in [(given, _written(given, config))] if given else _usual_hubs(config):
        found = _scan(hub)
        whole = [one for one in found if not one.checkpoint.faults]
        talk = [*seen, *(f"left out {one.repo}: {one.checkpoint.faults[0]}" for one in found if one.checkpoint.faults)]
        if any(one.checkpoint.kind != "lora" for one in whole):
            from modelgen.cli.configuration.starter import fill

            text, count, needs_lock = fill(starter, written, whole)
            lock = "`modelgen lock --offline` (an engine needs the path of its snapshot), " if needs_lock else ""
            models = f"{count} model{'s' if count > 1 else ''} of {hub}"
            return text, [*talk, f"wrote {config} with {models}; edit it, then run {lock}{_NEXT}"]
        if given:
            from modelgen.cli.configuration.starter import with_hub

            talk.append(f"{hub} has no complete model; the file has an example")
            return with_hub(starter, written), [*talk, f"wrote {config}; edit it, then run {_NEXT}"]
    return starter, [*seen, f"wrote {config}; edit it, then run {_NEXT}"]


def _scan(hub: Path) -> list[Found]:
    if not hub.is_dir():
        return []
    from modelgen.hub.snapshot.scan import scan

    return scan(hub)


def _usual_hubs(config: Path) -> Iterator[tuple[Path, str]]:
    """Yield the usual places of a hub cache, and how models.toml names each; the client uses the same order."""
    yield config.parent / _IN_PROJECT, _IN_PROJECT
    names = (
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "/hub"),
        ("XDG_CACHE_HOME", "/huggingface/hub"),
    )
    written = next(
        (f"{os.environ[name]}{rest}" for name, rest in names if os.environ.get(name)), "~/.cache/huggingface/hub"
    )
    try:
        hub = Path(written).expanduser()
    except RuntimeError:  # no home directory
        return
    yield hub, written if written.startswith("~") else hub.absolute().as_posix()


def _written(hub: Path, config: Path) -> str:
    """Return a path as models.toml names it: relative if it is below the file's folder."""
    whole, root = (Path(os.path.abspath(path)) for path in (hub, config.parent))  # noqa: PTH100 - before links
    return f"./{whole.relative_to(root).as_posix()}" if whole.is_relative_to(root) else whole.as_posix()
