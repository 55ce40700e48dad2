"""Implement `modelgen doctor`."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import click

from modelgen import files
from modelgen.cli.compiling import compile_file, read_config
from modelgen.cli.exits import FOUND, WORLD, cannot
from modelgen.cli.hub.hub_options import hub_directory
from modelgen.cli.options import config_option, json_option
from modelgen.cli.override_notes import override_warnings
from modelgen.cli.reading import printable
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.operate.doctor import Finding, Host, Wanted

_MARKS = {"good": "ok", "note": "note", "warning": "warn", "bad": "BAD", "unknown": "?"}


@click.command("doctor")
@config_option
@click.option("--write", is_flag=True, help="Write the facts of this host to [host] and [gpus] of models.toml.")
@click.option(
    "--describe", "is_description", is_flag=True, help="Print this host as TOML, for `modelgen bundle create --for`."
)
@json_option("Output format of the findings; `json` is one document.")
def doctor_command(config: Path, *, write: bool, is_description: bool, format_: str) -> int:
    """Check whether this host can run the models, and print a fix for each problem.

    Checks Docker and Compose, NVIDIA's or AMD's driver, the GPUs of [gpus], the hub directory, ports, SELinux and WSL2.
    Nothing is changed except [host] and the names of GPUs in [gpus] with `--write`.

    \b
    Example:
      modelgen doctor
      modelgen doctor --write
      modelgen doctor --format json
      modelgen doctor --describe > host.toml
    """
    if is_description:
        if write or format_ == "json":
            raise click.UsageError("`--describe` prints TOML and checks nothing; pass it alone")
        click.echo(_describe(config), nl=False)
        return 0
    from modelgen.operate.doctor import Host, describe, examine

    host = Host()
    findings = _fill(config, host) if write else []
    wanted, of_file, is_unreadable = _read(config, host)
    findings = [*of_file, *findings, *examine(host, wanted)]
    if format_ == "json":
        document = {"findings": [vars(finding) for finding in findings], "host": describe(host)}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(findings)
    if is_unreadable:
        return FOUND
    return WORLD if any(finding.state == "bad" for finding in findings) else 0


def _describe(config: Path) -> str:
    """Return this host as importer/describe.py prints it, for the folder and the hub directory of a models.toml.

    Without a models.toml that can be read, they are the folder that it would be in, and the default of `init`.
    """
    from modelgen.load import load
    from modelgen_importer.describe import describe

    hub = "models/hub"
    with suppress(ModelgenError):
        document, _, _ = load(read_config(config), config.as_posix())
        if document is not None and not document.is_refused("project", "hub"):
            hub = document.config.project.hub
    return describe(config.parent, hub_directory(hub, config.parent))


def _read(config: Path, host: Host) -> tuple[Wanted, list[Finding], bool]:
    """Return what models.toml needs, the findings about it, and whether it exists and cannot be read.

    The checks of the host run in any case.
    """
    from modelgen.diagnostics import Severity
    from modelgen.load import load
    from modelgen.operate.doctor import Finding, Wanted

    try:
        data = read_config(config)
    except ModelgenError as error:
        message, _, help_ = str(error).partition("; ")
        return Wanted(), [Finding("models.toml", "bad", message, help_)], False
    document, _, found = load(data, config.as_posix())
    errors = sum(item.severity is Severity.ERROR for item in found)
    said = f"{config} has {errors} error{'s' if errors != 1 else ''}"
    if document is None:
        text = f"{said}, so its needs are not known"
        return Wanted(), [Finding("models.toml", "bad", text, "modelgen validate")], True
    findings = [Finding("models.toml", "warning", said, "modelgen validate")] if errors else []
    is_without_cards, of_override = _look_at_override(config, host)
    findings += of_override
    wanted = Wanted(document, is_without_cards=is_without_cards)
    if document.is_refused("project", "hub"):
        return wanted, findings, False
    try:
        hub = hub_directory(document.config.project.hub, config.parent)
    except ModelgenError as error:
        message, _, help_ = str(error).partition("; ")
        return wanted, [*findings, Finding("hub", "bad", message, help_)], False
    return replace(wanted, hub=hub), findings, False


def _look_at_override(config: Path, host: Host) -> tuple[bool, list[Finding]]:
    """Return whether the user's override removes all GPUs, and findings on what else it changes."""
    from modelgen.operate.doctor import Finding, find_override, takes_all_cards

    folder = config.parent / "build"
    override = find_override(folder)
    if override is None:
        return False, []
    try:
        compilation, _ = compile_file(config, None)
    except ModelgenError:  # an error in models.lock, which `build` reports; the checks of the host run in any case
        return False, []
    if compilation.fleet is None:
        return False, []
    help_ = "set it in models.toml instead, where it is checked, unless this is intended"
    warnings = override_warnings(folder, compilation.artifacts)
    found = [Finding("override", "warning", warning, help_) for warning in warnings]
    return takes_all_cards(host, override, compilation.artifacts["docker-compose.yml"]), found


def _fill(config: Path, host: Host) -> list[Finding]:
    """Write the facts of the host to models.toml, report it on stderr, and return findings if it failed."""
    from modelgen.operate.doctor import Finding, describe
    from modelgen.operate.doctor.card_table import fill_cards
    from modelgen.operate.doctor.host_table import Filled, fill_host

    cards = Filled(None)
    try:
        data = read_config(config)
        filled = fill_host(data, describe(host), config.as_posix())
        cards = fill_cards(filled.data or data, host, config.as_posix())
        if (new := cards.data or filled.data) is not None:
            files.replace(config, new)
    except OSError as error:
        problem = str(cannot("write", config, error, "make it and its folder writable"))
    except ModelgenError:  # a missing file is reported once, where its needs are read
        return []
    else:
        problem = filled.problem
        for line in cards.changes:
            click.echo(printable(f"{config}: {line}"), err=True)
        if not problem:
            for line in filled.changes:
                click.echo(printable(f"{config}: [host] {line}"), err=True)
            if not filled.changes:
                click.echo(printable(f"{config}: [host] is up to date"), err=True)
    message, _, help_ = problem.rpartition("; ")
    findings = [Finding("models.toml", "bad", f"[host] was not written: {message}", help_)] if problem else []
    if cards.problem:
        message, _, help_ = cards.problem.rpartition("; ")
        findings.append(Finding("models.toml", "bad", message, help_))
    return findings


def _print(findings: list[Finding]) -> None:
    for subject, group in groupby(findings, lambda finding: finding.subject):
        click.echo(subject)
        for finding in group:
            click.echo(printable(f"  {_MARKS[finding.state]:<4}  {finding.message}"))
            if finding.help:
                click.echo(printable(f"        {finding.help}"))
    bad, warned = (sum(finding.state == state for finding in findings) for state in ("bad", "warning"))
    counts = [f"{bad} bad"] if bad else []
    counts += [f"{warned} warning{'s' if warned > 1 else ''}"] if warned else []
    click.echo(", ".join(counts) or "no problems found", err=True)
