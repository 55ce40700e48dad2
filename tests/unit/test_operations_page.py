"""docs/operations.md says what the tools do: its settings, commands, error codes and links are held against them."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib

import click
import pytest

from compiling import REPOSITORY, check, complete
from modelgen.cli.app import cli

PAGE = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
RUNTIME = REPOSITORY / "compiler" / "modelgen_runtime"
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = sorted({*re.findall(r"^\$? ?(modelgen .*)$", PAGE, re.MULTILINE), *re.findall(r"`(modelgen [^`]+)`", PAGE)})


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


def test_the_table_of_errors_is_whole() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert {(int(status), code) for status, code in rows} == {*_refusals()}


def _refusals() -> list[tuple[int, str]]:
    """Return status and code of each refusal in the source."""
    found = []
    for path in RUNTIME.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RefusedError":
                status, code = node.args[:2]
                assert isinstance(status, ast.Constant), f"{path}:{node.lineno}"
                codes = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
                found += [(int(str(status.value)), str(ast.literal_eval(one))) for one in codes]
    return found


def test_settings_have_the_defaults_that_it_says() -> None:
    description = (REPOSITORY / "compiler" / "modelgen" / "config" / "tables.py").read_text(encoding="utf-8")
    for key, shown in (("queue_limit", "100"), ("buffer_limit", "512 MiB")):
        [row] = re.findall(rf"`{key}` \| ([^|]+) \|", PAGE)
        assert row == shown
        assert re.search(rf'{key}: .*?Default: "?{shown.replace(" ", "")}"?\.', description, re.DOTALL)
