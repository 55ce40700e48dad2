"""Read the files of other tools that a command is given, and those that they name; the options of such commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import cannot
from modelgen.files import MAX_SOURCE_BYTES, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.diagnostics import Diagnostic
    from modelgen.engines.images.versions import Version
    from modelgen.foreign import Foreign
    from modelgen.lift.machine import Machine
    from modelgen.source import Source

_DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_STDIN = "-"
_DEEPEST = 10
_MOST_FILES = 200

gpu_option = click.option("--gpu", metavar="CARD", help='The GPUs that the services run on, such as "RTX 3090".')
host_option = click.option(
    "--host",
    "host",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file with the tables `[host]` and `[gpus]` as in models.toml, or a models.toml: the host of the services.",
)
assumed_option = click.option(
    "--assume-version",
    "assumed",
    metavar="[ENGINE=]VERSION",
    multiple=True,
    help="The engine's version if its image has no version in the tag, such as 0.30.0 or vllm=0.30.0.",
)


def read_foreign(paths: tuple[Path, ...]) -> Foreign:
    """Read files of another tool, with the `.env` beside the first one and the files that they name.

    Args:
        paths: The files; for a folder, or without any, those that Compose takes there.

    Raises:
        ModelgenError: A file cannot be read.
    """
    if len(paths) < 2 and (not paths or paths[0].is_dir()):
        paths = default_files(*paths)
    texts = [(path.as_posix(), _read(path)) for path in paths]
    from modelgen.foreign import read_files, variables_of

    folder = paths[0].parent
    dotenv = _beside(folder / ".env")
    variables = {} if dotenv is None else variables_of((folder / ".env").as_posix(), dotenv)
    beside: dict[str, bytes] = {}
    looked: set[str] = set()
    foreign = read_files(texts, variables)
    for _ in range(_DEEPEST):
        names = [name for name in foreign.wanted if name not in looked][: _MOST_FILES - len(looked)]
        looked.update(names)
        found = {name: data for name in names if (data := _beside(folder / name)) is not None}
        if not found:
            break
        beside |= found
        foreign = read_files(texts, variables, beside)
    outside = sorted(name for name in beside if name.startswith(("../", "/")))
    if outside:
        click.echo(f"modelgen: also read, outside of {folder.as_posix()}: {', '.join(outside)}", err=True)
    return foreign


def default_files(folder: Path = Path()) -> tuple[Path, ...]:
    """Return the file that Compose takes in a folder, with its override."""
    for name in _DEFAULT_NAMES:
        path = folder / name
        if path.is_file():
            override = path.with_suffix(f".override{path.suffix}")
            return (path, override) if override.is_file() else (path,)
    where = "here" if folder == Path() else f"in {folder}"
    raise click.UsageError(f"there is no Compose file {where}; pass its path")


def _read(path: Path) -> bytes:
    try:
        if path == Path(_STDIN):
            return sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except FileNotFoundError as error:
        raise ModelgenError(f"there is no {path}; pass the path of the file") from error
    except IsADirectoryError as error:
        raise ModelgenError(f"{path} is a directory; pass the file in it") from error
    except OSError as error:
        raise cannot("read", path, error, "make it readable, or pass another file") from error


def _beside(path: Path) -> bytes | None:
    """Return the bytes of a file that may not be there; a pipe or a device is none."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except (OSError, ValueError):
        return None


def card_of(gpu: str | None) -> str | None:
    """Return the product name of a GPU that the data has."""
    if gpu is None:
        return None
    from modelgen.engines.host.cards import find_known

    found = find_known(gpu, None)
    if len(found) == 1:
        return gpu
    if found:
        names = ", ".join(card.name for card in found)
        raise click.UsageError(f"`--gpu {gpu}` can be several: {names}")
    raise click.UsageError(f"`--gpu {gpu}` is none that modelgen knows; `modelgen explain unknown-card` says more")


def machine_of(card: str | None, host: Path | None) -> tuple[Machine | None, list[Source], list[Diagnostic]]:
    """Return the machine that an option describes, the text of its file, and what is wrong there."""
    from modelgen.lift.machine import machine_of_card, read_machine

    if host is None:
        return (machine_of_card(card) if card else None), [], []
    machine, source, found = read_machine(_read(host), host.as_posix())
    if machine is not None and not machine.gpus and machine.document and machine.document.config.host is None:
        raise click.UsageError(f"{host} has no table `[host]` and no table `[gpus.NAME]`")
    return machine, [source], found


def versions_of(assumed: tuple[str, ...]) -> Mapping[str, Version]:
    """Return the versions that are assumed, by engine."""
    from modelgen.engines import ENGINES
    from modelgen.engines.images.versions import parse_version

    found: dict[str, Version] = {}
    for text in assumed:
        name, sign, written = text.partition("=")
        version = parse_version(written if sign else name)
        if version is None or (sign and name not in ENGINES):
            raise click.UsageError(f"`--assume-version {text}` is none; write it as vllm=0.30.0")
        found |= {name: version} if sign else {engine: version for engine in ENGINES if engine not in found}
    return found
