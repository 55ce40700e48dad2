"""The pages in docs/ say what the tools do: their settings, commands and contents are compared with the code."""

from __future__ import annotations

import re
import shlex
import tomllib

import click
import pytest

from compiling import REPOSITORY, check, complete
from modelgen.cli.app import cli

PAGES = {name: (REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("operations.md", "weights.md")}
TOML = [fragment for page in PAGES.values() for fragment in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
WRITTEN = re.compile(r"^\$? ?(modelgen .*)$|`(modelgen [^`]+)`", re.MULTILINE)
COMMANDS = sorted({line or quoted for page in PAGES.values() for line, quoted in WRITTEN.findall(page)})


@pytest.mark.parametrize("fragment", TOML, ids=lambda text: text.splitlines()[0])
def test_settings_are_valid(fragment: str) -> None:
    tomllib.loads(fragment)
    found = check(complete(fragment.replace('engine  = "command"', 'engine  = "command"\nimage = "mine:1"')))
    assert "error" not in found, found


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line: str) -> None:
    words = [word for word in shlex.split(line) if word not in ("modelgen", "…")]
    name, *arguments = words
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, name
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_the_contents_list_has_every_section(page: str) -> None:
    listed = re.findall(r"^- \[(.+)\]\(#.+\)$", page.partition("\n## ")[0], re.MULTILINE)
    assert listed == re.findall(r"^## (.+)$", page, re.MULTILINE)
