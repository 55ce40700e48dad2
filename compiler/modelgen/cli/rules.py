"""Implement `modelgen rules`."""

from __future__ import annotations

import click

from modelgen.cli.catalogue import load_rules


@click.command("rules")
def command() -> int:
    """List all rules: code, severity, name, summary. `*` marks those that `[rules]` may change.

    \b
    Example:
      modelgen rules
    """
    rules = load_rules()
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        mark = "*" if rule.advisory else " "
        click.echo(f"{rule.code}  {rule.severity.value:<7}{mark}  {rule.name:<{width}}  {rule.summary}")
    return 0
