"""Implement `modelgen bundle create`."""

from __future__ import annotations

import gc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from modelgen.bundle.manifest import WITHOUT
from modelgen.cli.exits import FOUND, WORLD, cannot
from modelgen.cli.hub.hub_options import parse_bytes
from modelgen.cli.options import config_option, json_option, out_option
from modelgen.cli.reading import reading, say, warn
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.bundle.plan import Order
    from modelgen.cli.bundle.origin import Asked

_AGAIN = "modelgen bundle create"
_DEFAULT_ARCH = "amd64"
_WAY_OUT = "what was written is kept: free some space or connect the drive again, and run it again"


@click.command("create")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@config_option
@out_option
@click.option("--without", type=click.Choice(WITHOUT), multiple=True, help="Leave out a part; repeat it for several.")
@click.option("--with-override", is_flag=True, help="Carry docker-compose.override.yml too.")
@click.option("--keep-going", is_flag=True, help="Leave out models that cannot be carried, and list them.")
@click.option(
    "--split", metavar="SIZE", callback=parse_bytes, help="Deal the bytes over volumes of at most SIZE, such as 25GB."
)
@click.option(
    "--have",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Leave out what the other host has: the bundle.json that it loaded, or the file of `importer/describe.py`.",
)
@click.option(
    "--for",
    "host_file",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Make it for this host, and refuse what cannot run there: the output of `modelgen doctor --describe` there.",
)
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path),
    default=None,
    metavar="KEY",
    help="Sign it with this SSH key, by `ssh-keygen -Y sign`; or with the one in ssh-agent of this .pub.",
)
@click.option(
    "--prove/--no-prove",
    default=None,
    help="Have each engine look up what it opens, in its image and in the bundle.  [default: where Docker answers]",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; print bytes, volumes and minutes.")
@json_option("How to print the result; `json` prints one document.")
def create_command(folder: Path, config: Path, out: Path | None, **options: Any) -> int:  # noqa: ANN401 - its options
    """Write everything that a host without internet needs into the folder DIR, which may be on a drive.

    It holds models.toml, models.lock, the build and the files that these name, the weights, the images, modelgen
    itself, and a program that loads all of it there with Python alone. README.txt has the three commands for that host,
    CONTENTS.md lists the contents for a review. Keys and tokens are never carried.

    If it is interrupted, run it again: it continues. A folder that has an older bundle gets only what is new.

    \b
    Example:
      modelgen bundle create /media/usb/bundle --dry-run
      modelgen bundle create /media/usb/bundle
      modelgen bundle create ./update --have last/bundle.json --for host.toml
    """
    from modelgen.cli.bundle.origin import Asked
    from modelgen.cli.interruption import interruptible

    out = config.parent / "build" if out is None else out
    without = tuple(dict.fromkeys(options["without"]))
    asked = Asked(config, out, folder, options["with_override"], without, options["host_file"])
    gc.enable()  # the command line turns the garbage collector off for short commands
    with interruptible("what was written is kept; run it again to continue"):
        try:
            return _create(asked, options)
        except OSError as error:
            raise cannot("write", error.filename2 or error.filename or folder, error, _WAY_OUT) from error


def _create(asked: Asked, options: Mapping[str, Any]) -> int:
    from modelgen.bundle.create import create, folders_of
    from modelgen.bundle.folder import held, look_at
    from modelgen.bundle.papers import SUMS
    from modelgen.bundle.plan import FaultyModelsError, UnfitError, sound_plan
    from modelgen.bundle.signing import check_key, sign
    from modelgen.cli.bundle.report import print_faults, print_plan, print_result, print_unfit

    if options["key"] is not None:
        check_key(options["key"])
    order = _order(asked, options)
    existing = look_at(order.folder, order.origin.fleet.project)
    leave_out = partial(_leave_out, asked) if options["keep_going"] else _refuse
    try:
        if options["dry_run"]:
            print_plan(sound_plan(order, existing, leave_out), existing, options["format_"])
            return 0
        with held(order.folder, say):
            existing = look_at(order.folder, order.origin.fleet.project)  # another process may have written it
            done = create(sound_plan(order, existing, leave_out), existing, leave_out, reading, say)
    except FaultyModelsError as error:
        print_faults(error.faults, options["format_"])
        return WORLD
    except UnfitError as error:
        print_unfit(error.problems)
        return FOUND
    if options["key"] is not None:
        sign([root / SUMS for root in folders_of(done.plan).values()], options["key"])
    print_result(done, options["format_"])
    return 0


def _order(asked: Asked, options: Mapping[str, Any]) -> Order:
    from modelgen.bundle.having import read_having
    from modelgen.bundle.plan import Order
    from modelgen.cli.bundle.origin import read_origin
    from modelgen.cli.state_folder import NAME
    from modelgen.cli.up.images import Places, own_builder

    origin = read_origin(asked)
    have: Path | None = options["have"]
    try:
        had = None if have is None else read_having(have.read_bytes(), str(have))
    except OSError as error:
        raise cannot("read", have or "", error, "pass a bundle.json, or the file of `importer/describe.py`") from error
    host = origin.resolved.document.config.host
    arch = (host and host.arch) or _DEFAULT_ARCH
    there = asked.destination
    order = Order(origin, asked.folder, arch, options["split"], had, asked.without, proves=options["prove"])
    order = replace(order, is_signed=options["key"] is not None)
    if not options["dry_run"]:
        places = Places(asked.out, asked.config.parent / NAME)
        order = replace(order, builder=own_builder(places, _AGAIN, offline=False))
    return order if there is None else replace(order, limits=(there.destination, str(asked.host_file)))


def _leave_out(asked: Asked, order: Order, faults: Mapping[str, str]) -> Order:
    from modelgen.cli.bundle.origin import without_models

    _refuse_project(faults)
    for model, fault in faults.items():
        warn(f"{model} is left out: {fault}")
    return replace(order, origin=without_models(asked, order.origin, [*faults]), left_out={**order.left_out, **faults})


def _refuse(_: Order, faults: Mapping[str, str]) -> NoReturn:
    from modelgen.bundle.plan import FaultyModelsError

    _refuse_project(faults)
    raise FaultyModelsError(faults)


def _refuse_project(faults: Mapping[str, str]) -> None:
    """Refuse a fault of the orchestrator, which no bundle can do without."""
    if "" in faults:
        raise InputError(faults[""])
