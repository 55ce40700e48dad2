"""Define a group of commands. The module of a command is imported when the command is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.terminal import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALIASES = {"prefetch": "fetch"}


class Commands(click.Group):
    """Commands by name. Listing them does not import them.

    Args:
        table: By the name of each command, its module below `modelgen.cli`, and its summary.
        settings: Those of `click.Group`.
    """

    context_class: type[click.Context] = Context

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names."""
        return [*self.table]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command and return it; None if there is none of that name."""
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(f"modelgen.cli.{self.table[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        command.context_class = Context
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the names that begin with a text, with their summaries."""
        from click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=text) for name, (_, text) in self.table.items() if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a command line; the message about an unknown one says what to write."""
        if args[0] == "help" and args[1:2] and args[1] in self.table:
            args = [args[1], "--help"]
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"no command `{args[0]}`: {self._hint(ctx, args[0])}", ctx) from error

    def _hint(self, ctx: click.Context, name: str) -> str:
        from modelgen.cli import familiar
        from modelgen.diagnostics import did_you_mean

        known = familiar.COMMANDS.get(name) if ctx.parent is None else None
        hint = known or did_you_mean(name, self.table, list_known=False)
        return hint or f"`{ctx.command_path} --help` lists the commands"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.table.items()])
