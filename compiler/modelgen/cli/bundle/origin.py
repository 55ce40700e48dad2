"""Read the project that a bundle is made of, and leave models out of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from modelgen.bundle.manifest import MODELS
from modelgen.cli.compiling import (
    lock_path,
    print_findings,
    read_config,
    read_lock,
    read_measured,
    reader,
    root_from_out,
)
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.hub.hub_options import hub_directory, refuse_misplaced
from modelgen.cli.reading import printable
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelgen.bundle.contents import Origin
    from modelgen.bundle.destination import Destination
    from modelgen.load import Machine
    from modelgen.pipeline import Compilation


@dataclass(frozen=True)
class Asked:
    """The options that say which project it is.

    Args:
        config: The path of models.toml.
        out: The output directory.
        folder: The folder of the bundle.
        with_override: Whether docker-compose.override.yml is carried.
        without: Parts that are left out.
        host_file: The file that describes the host that it is for; None for any host.
    """

    config: Path
    out: Path
    folder: Path
    with_override: bool
    without: tuple[str, ...]
    host_file: Path | None = None

    @cached_property
    def destination(self) -> Destination | None:
        """Return the host that the bundle is for.

        Raises:
            InputError: The host file is none.
            ModelgenError: It cannot be read.
        """
        from modelgen.bundle.destination import read_destination

        if self.host_file is None:
            return None
        try:
            return read_destination(self.host_file.read_bytes(), self.host_file.as_posix())
        except OSError as error:
            help_ = "pass the output of `modelgen doctor --describe` on the other host"
            raise cannot("read", self.host_file, error, help_) from error


def read_origin(asked: Asked) -> Origin:
    """Read the project; print what is wrong with it, and exit if a bundle of it would not run.

    Raises:
        InputError: There is no lock, or the output directory is outside the folder of models.toml.
        ModelgenError: A file cannot be read.
    """
    from modelgen.cli.configuration.build import check_built

    data, lock = read_config(asked.config), read_lock(asked.config)
    destination = asked.destination
    if destination is not None:
        data = _put_on(asked, data, lock, destination)
    compilation = _compiled(asked, data, lock)
    if destination is None or compilation.failed:
        print_findings(compilation, "human", to_stderr=True)
    if compilation.failed:
        click.get_current_context().exit(FOUND)
    services = compilation.fleet.services if compilation.fleet else ()
    if lock is None and MODELS not in asked.without and any(service.repo for service in services):
        raise InputError(f"there is no {lock_path(asked.config)}; run `modelgen lock`, then `modelgen fetch`")
    if destination is None and check_built(compilation, asked.out):
        click.get_current_context().exit(FOUND)
    return _origin(asked, compilation, data, lock)


def _put_on(asked: Asked, data: bytes, lock: bytes | None, destination: Destination) -> bytes:
    """Return models.toml with the facts of the host that the bundle is for; print why it cannot run there, and exit.

    Raises:
        InputError: Its tables are written in a way that is not understood.
    """
    from modelgen.bundle.host_text import write_machine
    from modelgen.bundle.on_host import put_on
    from modelgen.load import load

    document, _, _ = load(data, asked.config.as_posix())
    if document is None:
        return data
    put = put_on(document, destination, str(asked.host_file))
    compilation = _compiled(asked, data, lock, put.machine)
    print_findings(compilation, "human", to_stderr=True)
    for problem in put.problems:
        click.echo(printable(f"error: {problem}"), err=True)
    if compilation.failed or put.problems:
        click.get_current_context().exit(FOUND)
    return write_machine(data, document, put.machine)


def without_models(asked: Asked, origin: Origin, models: Collection[str]) -> Origin:
    """Return the project without some of its models.

    Raises:
        InputError: The rest cannot run.
    """
    from modelgen.cli.table.change import Files
    from modelgen.cli.table.remove import without_unneeded
    from modelgen.cli.table.text import without_model

    left = [service.model for service in origin.fleet.services if service.model not in models]
    if not left:
        raise InputError("no model is left; repair at least one of them")
    data, lock = origin.written.config, origin.written.lock
    for model in models:
        data = without_model(data, model).data
    compilation = _compiled(asked, data, lock)
    if compilation.failed:
        print_findings(compilation, "human", to_stderr=True)
        raise InputError(f"without {', '.join(sorted(models))}, models.toml has these errors; repair those models")
    if lock is not None:
        lock, _ = without_unneeded(Files(asked.config, data, lock))
        compilation = _compiled(asked, data, lock)
    return _origin(asked, compilation, data, lock)


def _compiled(asked: Asked, data: bytes, lock: bytes | None, machine: Machine | None = None) -> Compilation:
    from modelgen.pipeline import compile_source

    root = root_from_out(asked.config.parent, asked.out)
    if PurePosixPath(root).is_absolute():
        raise InputError(
            f"{asked.out} is outside the folder of {asked.config}, and a bundle holds only what is inside; build into "
            "a folder there, such as build"
        )
    return compile_source(
        data,
        lock,
        read_measured(asked.config),
        path=asked.config.as_posix(),
        lock_path=lock_path(asked.config).as_posix(),
        root_from_out=root,
        read=reader(asked.config),
        machine=machine,
    )


def _origin(asked: Asked, compilation: Compilation, data: bytes, lock: bytes | None) -> Origin:
    from modelgen.bundle.contents import Origin
    from modelgen.bundle.image_plan import tool_of
    from modelgen.bundle.project_files import Written
    from modelgen.bundle.wrappers import wrappers

    assert compilation.fleet is not None and compilation.fitted is not None  # noqa: S101, PT018 - it has not failed
    root = Path(os.path.abspath(asked.config.parent))  # noqa: PTH100 - links stay as the user has them
    out = Path(os.path.abspath(asked.out)).relative_to(root).as_posix()  # noqa: PTH100
    resolved = compilation.fitted.resolved
    written_hub = resolved.document.config.project.hub
    hub = hub_directory(written_hub, asked.config.parent)
    refuse_misplaced(written_hub, hub)
    tool = tool_of(compilation.fleet, asked.without)
    scripts = {} if tool is None else wrappers(tool, written_hub)
    measured = read_measured(asked.config)
    written = Written(asked.config.name, data, lock, measured, compilation.artifacts, out, scripts)
    return Origin(
        root,
        hub,
        written,
        compilation.fleet,
        resolved,
        apart=(asked.folder,),
        with_override=asked.with_override,
        with_models=MODELS not in asked.without,
    )
