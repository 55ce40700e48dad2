"""Implement `modelgen lint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.findings import print_diagnostics
from modelgen.cli.options import format_option, max_findings_option
from modelgen.files import MAX_SOURCE_BYTES, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version
    from modelgen.linting import Linted

_DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_STDIN = "-"


@click.command("lint")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--gpu", metavar="CARD", help='The GPUs that the services run on, such as "RTX 3090".')
@click.option(
    "--assume-version",
    "assumed",
    metavar="[ENGINE=]VERSION",
    multiple=True,
    help="The engine's version if its image has no version in the tag, such as 0.30.0 or vllm=0.30.0.",
)
@click.option("--rule", "rules", metavar="NAME=off", multiple=True, help="Switch a rule off; repeat it for several.")
@format_option
@max_findings_option
def lint_command(  # noqa: PLR0913 - an argument for each option
    files: tuple[Path, ...],
    *,
    gpu: str | None,
    assumed: tuple[str, ...],
    rules: tuple[str, ...],
    format_: str,
    max_findings: int | None,
) -> int:
    """Check the engines in a file of another tool, without models.toml, Docker, GPU and network.

    FILE is a Compose file, a shell script or systemd unit with lines that start an engine (`vllm serve`, `docker run`),
    a llama-swap config, or a recipe of vllm-project/recipes.

    Several Compose files are merged in their order, as by `docker compose -f`. `.env` beside the first one is read, and
    so are the files of `env_file`; the environment is not. `-` reads from stdin. A comment `# modelgen: allow RULE` on
    a line, or alone above it, allows what the rule finds there.

    \b
    Example:
      modelgen lint docker-compose.yml
      modelgen lint docker-compose.yml docker-compose.prod.yml --gpu "RTX 3090"
      modelgen lint serve.sh --assume-version vllm=0.30.0
    """
    paths = files or _default_files()
    texts = [(path.as_posix(), _read(path)) for path in paths]
    from modelgen.diagnostics import has_errors
    from modelgen.foreign import read_files, variables_of
    from modelgen.linting import lint

    folder = paths[0].parent
    dotenv = _beside(folder / ".env")
    variables = {} if dotenv is None else variables_of((folder / ".env").as_posix(), dotenv)
    foreign = read_files(texts, variables)
    if foreign.wanted:
        beside = {name: data for name in foreign.wanted if (data := _beside(folder / name)) is not None}
        foreign = read_files(texts, variables, beside)
    linted = lint(foreign, card=_card(gpu), assumed=_versions(assumed), off=_switched_off(rules))
    print_diagnostics(
        linted.diagnostics, linted.foreign.sources, format_, limit=max_findings, to_stderr=False, command="lint"
    )
    if format_ == "human":
        click.echo(_last_line(linted, paths), err=True)
    return FOUND if has_errors(linted.diagnostics) else 0


def _default_files() -> tuple[Path, ...]:
    """Return the file that Compose takes here, with its override."""
    for name in _DEFAULT_NAMES:
        if Path(name).is_file():
            override = Path(name).with_suffix(f".override{Path(name).suffix}")
            return (Path(name), override) if override.is_file() else (Path(name),)
    raise click.UsageError("there is no Compose file here; pass its path")


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
    """Return the bytes of a file that may not be there."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SOURCE_BYTES)
    except (OSError, ValueError):
        return None


def _card(gpu: str | None) -> str | None:
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


def _versions(assumed: tuple[str, ...]) -> Mapping[str, Version]:
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


def _switched_off(rules: tuple[str, ...]) -> frozenset[str]:
    from modelgen.diagnostics import all_rules, did_you_mean

    known = {rule.name for rule in all_rules()}
    for text in rules:
        name, _, setting = text.partition("=")
        if setting != "off":
            raise click.UsageError(f"`--rule {text}` has no effect; write `--rule {name}=off`")
        if name not in known:
            guess = did_you_mean(name, known)
            hint = f": {guess}" if guess.startswith("did") else ""
            raise click.UsageError(f"no rule `{name}`{hint}; `modelgen rules` lists them")
    return frozenset(text.partition("=")[0] for text in rules)


def _last_line(linted: Linted, paths: tuple[Path, ...]) -> str:
    """Return how many services were looked at, how many not and why."""
    services, checked, others = linted.foreign.services, len(linted.lifted), linted.unrecognized
    if not services:
        return "modelgen: nothing was checked"
    what = "command" if linted.foreign.kind == "shell" else "model" if linted.foreign.kind != "compose" else "service"
    number = f"{len(services)} {what}{'s' if len(services) > 1 else ''}"
    if not checked and not others:
        return f"modelgen: no engine found in {number}"
    said = f"modelgen: checked {checked} of {number} in {', '.join(path.as_posix() for path in paths)}"
    skipped = [f"{one.service.name.text} ({one.reason})" for one in others]
    rest = len(services) - checked - len(skipped)
    skipped += [f"{rest} without an engine"] if rest else []
    return said + (f"; not checked: {', '.join(skipped)}" if skipped else "")
