"""Write docs/reference/command-line.md: every command with its arguments and options, as click declares them."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.app import COMMANDS, cli
from modelgen.cli.commands import Commands
from written_pages.markdown import block, code, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS = {
    "CODE": "A rule's code, such as MG101, or its name.",
    "DIR": "The folder of the bundle.",
    "FILE": "The models.toml, or its folder; the same as `--config`.",
    "MODEL": "Any name of a model: its id, an alias, or its repository id.",
    "MODEL|REPO": "Any name of a model; with `--gpu`, a repository on the hub.",
    "NAME": "Any name of a model; with `--profile`, the name of a profile.",
    "REPO|PATH": "A repository on the hub; with `--as`, a folder or a GGUF file.",
}
"""The arguments of commands: click has no help for them."""
_FOREIGN = {"FILE": "The file, or `-` for stdin. Default: the one that Compose takes here."}
_MODEL_OR_INPUT = {
    "MODEL": "Any name of a model: its id, an alias, or its repository id; `-` reads output from standard input."
}
OF_COMMANDS = {"import": _FOREIGN, "lint": _FOREIGN, "why": _MODEL_OR_INPUT}
"""Arguments that mean something else in one command."""
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*modelgen ")
_INTRO = """\
# Command line

`modelgen COMMAND --help` prints the same. Commands that read a models.toml find it in the current folder or in a folder
above, up to the root of the git repository or the home folder.

Data goes to stdout, messages to stderr. [Exit codes](exit-codes.md) are the same for all commands;
[environment variables](environment-variables.md) lists those that they read.

"""
_COMPLETION = """\
## Shell completion

```sh
eval "$(_MODELGEN_COMPLETE=bash_source modelgen)"         # in ~/.bashrc
eval "$(_MODELGEN_COMPLETE=zsh_source modelgen)"          # in ~/.zshrc
_MODELGEN_COMPLETE=fish_source modelgen | source          # in ~/.config/fish/config.fish
```
"""


def write() -> str:
    """Return the page."""
    parts = [mark("the commands in compiler/modelgen/cli/"), _INTRO]
    parts += [
        f"- [{code(name)}](#modelgen-{name.replace(' ', '-')}): {summary}\n" for name, summary in summaries().items()
    ]
    parts.append("\n")
    for name, command in commands().items():
        parts += _section(name, command)
    return "".join([*parts, _COMPLETION])


def summaries() -> dict[str, str]:
    """Return the summary of each command by name; the commands of a group have its name in front."""
    found: dict[str, str] = {}
    for name, (_, summary) in COMMANDS.items():
        group = cli.get_command(click.Context(cli), name)
        inner = group.table.items() if isinstance(group, Commands) else ()
        found |= {f"{name} {one}": text for one, (_, text) in inner} if inner else {name: summary}
    return found


def commands() -> dict[str, click.Command]:
    """Return all commands by name, those of groups as in `summaries`."""
    return {name: _find(name.split()) for name in summaries()}


def _find(words: list[str]) -> click.Command:
    command: click.Command | None = cli
    for word in words:
        command = command.get_command(click.Context(command), word) if isinstance(command, Commands) else None
    if command is None:
        raise LookupError(f"no command `{' '.join(words)}`")
    return command


def _section(name: str, command: click.Command) -> Iterator[str]:
    # With its parent's settings: click keeps the help option of the first context.
    context = click.Context(command, parent=click.Context(cli, **cli.context_settings))
    yield f"## modelgen {name}\n\n"
    texts, examples = split_help(command)
    yield from (f"{text}\n\n" for text in texts)
    yield block(f"modelgen {name} {' '.join(command.collect_usage_pieces(context))}") + "\n"
    parameters = [_argument(name, one) for one in command.params if isinstance(one, click.Argument)]
    parameters += [_option(one) for one in command.params if isinstance(one, click.Option)]
    if parameters:
        yield "".join(parameters) + "\n"
    yield block("\n".join(examples), "sh") + "\n"


def split_help(command: click.Command) -> tuple[list[str], list[str]]:
    """Return the paragraphs of a command's help, and the lines of its examples."""
    texts, examples = [], []
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        if part.startswith("\b"):
            lines = [line.strip() for line in part.splitlines()[1:]]
            examples += [line if _COMMAND.match(line) else f"# {line}" for line in lines if line != "Example:"]
        else:
            texts.append(part)
    return texts, examples


def argument_name(argument: click.Argument) -> str:
    """Return the name of an argument, such as MODEL for `[MODEL]...`."""
    return re.sub(r"[^A-Z|]", "", argument.human_readable_name.upper())


def _argument(command: str, argument: click.Argument) -> str:
    name = argument_name(argument)
    optional = "" if argument.required else " Optional; several may be named." if argument.nargs < 0 else " Optional."
    return f"- {code(name)}: {OF_COMMANDS.get(command, {}).get(name) or ARGUMENTS.get(name, '')}{optional}\n"


def _option(option: click.Option) -> str:
    """Return an option with its default: what click shows, or what the help names."""
    names = sorted(option.opts, key=len)
    if not option.is_flag:
        names[-1] += f" {option.metavar or _values(option.type)}"
    help_, _, default = (option.help or "").partition("  [default: ")
    default = default.removesuffix("]")
    if option.show_default and not option.is_flag:
        values = option.default if isinstance(option.default, tuple) else (option.default,)
        default = ", ".join(code(str(value)) for value in values)
    required = " Required." if option.required else ""
    return f"- {', '.join(map(code, names))}: {help_}{required}" + (f" Default: {default}.\n" if default else "\n")


def _values(kind: click.types.ParamType[Any]) -> str:
    """Return what a value of a type looks like."""
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    if isinstance(kind, click.IntRange):
        return f"{kind.min}-{kind.max}"
    return kind.name.upper()
