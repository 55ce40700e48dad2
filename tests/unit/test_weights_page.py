"""docs/weights.md, and the guide about adding models, cover the commands that are about weights."""

from __future__ import annotations

import re

import click
import pytest

from compiling import REPOSITORY
from modelgen.cli import exits
from modelgen.cli.app import cli

PAGE = (REPOSITORY / "docs" / "weights.md").read_text(encoding="utf-8")
GUIDE = (REPOSITORY / "docs" / "guides" / "add-a-model.md").read_text(encoding="utf-8")
COMMANDS = ("lock", "fetch", "verify", "add", "prune", "inventory")
ON_OTHER_PAGES = {"--config", "--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_mentioned(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    assert {option for option in options - ON_OTHER_PAGES if option not in PAGE + GUIDE} == set()


def test_the_exit_codes_are_those_of_the_commands() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| ", PAGE.partition("\n## Exit codes\n")[2], re.MULTILINE)
    assert [int(code) for row in rows for code in row.split(", ")] == [
        *(0, exits.FOUND, click.UsageError.exit_code, exits.WORLD, exits.OUT_OF_DATE),
        *(129, exits.INTERRUPTED, 143),
    ]


def test_the_messages_that_it_explains_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "compiler/modelgen/hub").rglob("*.py"))
    table = PAGE.partition("| message | meaning |")[2].partition("\n\n")[0]
    messages = [part for row in re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE) for part in row.split("…")]
    assert messages
    assert [part for part in messages if part.replace("(403)", "({status})") not in source] == []


def test_code_is_trusted_in_the_models_table_and_not_in_args() -> None:
    assert "`trust_remote_code = true`" in PAGE
    assert "trust-remote-code" not in PAGE
