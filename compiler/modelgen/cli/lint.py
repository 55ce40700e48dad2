"""Implement `modelgen lint`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import FOUND
from modelgen.cli.findings import print_diagnostics
from modelgen.cli.foreign_files import (
    assumed_option,
    card_of,
    gpu_option,
    host_option,
    machine_of,
    read_foreign,
    versions_of,
)
from modelgen.cli.options import format_option, max_findings_option
from modelgen.cli.terminal import fill, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.linting import Linted


@click.command("lint")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@gpu_option
@host_option
@assumed_option
@click.option("--rule", "rules", metavar="NAME=off", multiple=True, help="Switch a rule off; repeat it for several.")
@format_option
@max_findings_option
def lint_command(  # noqa: PLR0913 - an argument for each option
    files: tuple[Path, ...],
    *,
    gpu: str | None,
    host: Path | None,
    assumed: tuple[str, ...],
    rules: tuple[str, ...],
    format_: str,
    max_findings: int | None,
) -> int:
    """Check the engines in a file of another tool, without models.toml, Docker, GPU and network.

    FILE is a Compose file or its folder, a shell script or systemd unit with lines that start an engine (`vllm serve`,
    `docker run`), a llama-swap config, or a recipe of vllm-project/recipes.

    Several Compose files are merged in their order, as by `docker compose -f`. `.env` beside the first one is read, and
    so are the files that they name (`env_file`, `extends`, `include`; scripts and Compose files of a `cmd` of
    llama-swap); the environment is not. `-` reads from stdin. A comment `# modelgen: allow RULE` on
    a line, or alone above it, allows what the rule finds there.

    \b
    Example:
      modelgen lint docker-compose.yml
      modelgen lint docker-compose.yml docker-compose.prod.yml --gpu "RTX 3090"
      modelgen lint docker-compose.yml --host host.toml
      modelgen lint serve.sh --assume-version vllm=0.30.0
    """
    if gpu is not None and host is not None:
        raise click.UsageError("`--gpu` and `--host` both name the GPUs; pass one of them")
    foreign = read_foreign(files)
    from modelgen.diagnostics import has_errors
    from modelgen.linting import lint

    machine, sources, refused = machine_of(card_of(gpu), host)
    linted = lint(foreign, machine=machine, assumed=versions_of(assumed), off=_switched_off(rules))
    found = [*refused, *linted.diagnostics]
    print_diagnostics(
        found, [*linted.foreign.sources, *sources], format_, limit=max_findings, to_stderr=False, command="lint"
    )
    if format_ == "human":
        width = width_of(sys.stderr)
        click.echo("\n".join(fill(line, width) for line in _last_lines(linted, files)), err=True)
    return FOUND if has_errors(found) else 0


def _switched_off(rules: tuple[str, ...]) -> frozenset[str]:
    if not rules:
        return frozenset()
    from modelgen.cli.configuration.manual import load_rules
    from modelgen.diagnostics import did_you_mean

    known = {rule.name for rule in load_rules()}
    for text in rules:
        name, _, setting = text.partition("=")
        if setting != "off":
            raise click.UsageError(f"`--rule {text}` has no effect; write `--rule {name}=off`")
        if name not in known:
            guess = did_you_mean(name, known)
            hint = f": {guess}" if guess.startswith("did") else ""
            raise click.UsageError(f"no rule `{name}`{hint}; `modelgen rules` lists them")
    return frozenset(text.partition("=")[0] for text in rules)


def _last_lines(linted: Linted, files: Sequence[Path]) -> list[str]:
    """Return how many services were looked at, how many not and why, and what writes a models.toml from them."""
    services, checked, others = linted.foreign.services, len(linted.lifted), linted.unrecognized
    if not services:
        return ["modelgen: nothing was checked"]
    what = "command" if linted.foreign.kind == "shell" else "model" if linted.foreign.kind != "compose" else "service"
    number = f"{len(services)} {what}{'s' if len(services) > 1 else ''}"
    if not checked and not others:
        return [f"modelgen: no engine found in {number}"]
    said = f"modelgen: checked {checked} of {number} in {', '.join(source.path for source in linted.foreign.sources)}"
    skipped = [f"{one.service.name.text} ({one.reason})" for one in others]
    rest = len(services) - checked - len(skipped)
    skipped += [f"{rest} without an engine"] if rest else []
    lines = [said + (f"; not checked: {', '.join(skipped)}" if skipped else "")]
    path = linted.foreign.sources[0].path
    if checked and path != "-":
        written = [str(file) for file in files] or [path]
        lines.append(
            f"`modelgen import {shlex.join(written)}` writes a models.toml from {'them' if len(written) > 1 else 'it'}."
        )
    return lines
