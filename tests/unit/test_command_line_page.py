"""docs/reference/command-line.md: every command, argument and option has a description."""

from __future__ import annotations

import re
from functools import cache

import click
import pytest

from modelgen.cli.app import COMMANDS
from written_pages.command_line import ARGUMENTS, argument_name, commands, split_help, write

OPTIONS = [
    (name, option)
    for name, command in commands().items()
    for option in command.params
    if isinstance(option, click.Option)
]
page = cache(write)


def test_every_command_is_on_the_page() -> None:
    assert {name.split()[0]: None for name in commands()}.keys() == COMMANDS.keys()
    assert re.findall(r"^## modelgen (.+)$", page(), re.MULTILINE) == [*commands()]


@pytest.mark.parametrize("name", commands())
def test_a_command_has_a_description_and_an_example(name: str) -> None:
    texts, examples = split_help(commands()[name])
    assert texts
    assert all(text.endswith(".") for text in texts)
    assert any(line.startswith(f"modelgen {name}") for line in examples)


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=lambda value: value if isinstance(value, str) else value.name)
def test_an_option_has_a_description(name: str, option: click.Option) -> None:
    """It is a sentence; a default that click does not show is named after it."""
    assert re.fullmatch(r"[A-Z`].*\.(  \[default: .+\])?", option.help or ""), f"{name}: {option.help!r}"
    section = page().partition(f"\n## modelgen {name}\n")[2].partition("\n## ")[0]
    assert all(f"`{spelling}" in section for spelling in option.opts)


def test_an_argument_has_a_description() -> None:
    used = {
        argument_name(argument)
        for command in commands().values()
        for argument in command.params
        if isinstance(argument, click.Argument)
    }
    assert used == set(ARGUMENTS)
