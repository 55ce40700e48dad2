"""Implement `modelgen explain`."""

from __future__ import annotations

import sys

import click

from modelgen.cli.catalogue import load_rules
from modelgen.cli.compiling import is_terminal
from modelgen.diagnostics import did_you_mean, examples


@click.command("explain")
@click.argument("code")
def command(code: str) -> int:
    """Print the manual of a rule, by its code or its name.

    \b
    Example:
      modelgen explain MG101
      modelgen explain unpinned-repo
    """
    rules = {rule.code: rule for rule in load_rules()} | {rule.name: rule for rule in load_rules()}
    rule = rules.get(code.upper()) or rules.get(code.lower())
    if rule is None:
        guess = did_you_mean(code, (name for name in rules if not name.startswith("MG")))
        hint = f": {guess}" if guess.startswith("did") else ""
        raise click.UsageError(f"no rule `{code}`{hint}; `modelgen rules` lists them")
    kind = f"{rule.severity.value}, {'may be changed in `[rules]`' if rule.advisory else 'always on'}"
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
