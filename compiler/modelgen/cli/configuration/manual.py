"""Implement `modelgen explain`, `modelgen rules` and `modelgen schema`: the manual inside the tool."""

from __future__ import annotations

import importlib
import json
import sys

import click

from modelgen.cli.completion import complete_rules
from modelgen.cli.terminal import is_terminal, row, width_of
from modelgen.diagnostics import Rule, all_rules, did_you_mean, examples


@click.command("explain")
@click.argument("code", shell_complete=complete_rules)
def explain_command(code: str) -> int:
    """Print the manual of a rule, by its code or its name.

    \b
    Example:
      modelgen explain MG101
      modelgen explain unpinned-repo
    """
    rules = {rule.code: rule for rule in load_rules()} | {rule.name: rule for rule in load_rules()}
    rule = rules.get(code.upper()) or rules.get(code.lower()) or rules.get(f"MG{code}")
    if rule is None:
        guess = did_you_mean(code, (name for name in rules if not name.startswith("MG")))
        hint = f": {guess}" if guess.startswith("did") else ""
        raise click.UsageError(f"no rule `{code}`{hint}; `modelgen rules` lists them")
    settings = "may be changed in `[rules]`" if rule.advisory else "always on"
    if rule.is_foreign:
        settings = f"of `modelgen lint`, where `--rule {rule.name}=off` switches it off"
    kind = f"{rule.severity.value}, {settings}"
    text = f"# {rule.code} {rule.name}\n\n{kind}\n\n{rule.manual}"
    if rule.examples("Good"):
        text += f"\n\n## The rest of the file\n{examples.NOTE}\n```toml\n{examples.HEAD}```"
    if is_terminal(sys.stdout):
        from rich.console import Console
        from rich.markdown import Markdown

        Console(width=min(100, Console().width)).print(Markdown(text))
    else:
        click.echo(text)
    return 0


@click.command("rules")
def rules_command() -> int:
    """List all rules: code, severity, name, summary. `*` marks those that `[rules]` may change.

    \b
    Example:
      modelgen rules
    """
    rules = load_rules()
    longest, width = max(len(rule.name) for rule in rules), width_of(sys.stdout)
    for rule in rules:
        mark = "*" if rule.advisory else " "
        click.echo(row(f"{rule.code}  {rule.severity.value:<7}{mark}  {rule.name:<{longest}}  ", rule.summary, width))
    return 0


@click.command("schema")
def schema_command() -> int:
    """Print the JSON Schema of models.toml, for Taplo, Even Better TOML and other editors.

    \b
    Example:
      modelgen schema > models.schema.json
      then write `#:schema ./models.schema.json` as the first line of models.toml
    """
    from modelgen.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return 0


def load_rules() -> list[Rule[...]]:
    """Import every module that declares a rule and return the rules by code."""
    names = (
        "modelgen.load.shape",
        "modelgen.load.text",
        "modelgen.lockfile.reading",
        "modelgen.lockfile.measured",
        "modelgen.checks.all_checks",
        "modelgen.checks.foreign",
    )
    for module in names:
        importlib.import_module(module)
    return all_rules()
