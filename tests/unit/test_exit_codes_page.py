"""docs/reference/exit-codes.md has every exit code of the commands."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from compiling import REPOSITORY
from modelgen.cli import exits

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = {"exit", "_exit", "SystemExit", "Exit"}


def codes_in(tree: ast.AST) -> Iterator[int]:
    """Yield the numbers that a module ends the program with, or gives to an error as its exit code."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[ast.Constant(value=int() as code)]):
                if name in ENDS:
                    yield code
            case ast.Assign(targets=[ast.Name(id="exit_code")], value=ast.Constant(value=int() as code)):
                yield code
            case _:
                pass


def test_every_code_has_a_meaning() -> None:
    named = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    texts = (path.read_text("utf-8") for path in (REPOSITORY / "compiler/modelgen").rglob("*.py"))
    used = {code for text in texts if re.search(r"(?i)exit", text) for code in codes_in(ast.parse(text))}
    assert {1, 3} <= used
    assert (named | used) - set(exits.MEANINGS) == set()
    assert all(re.fullmatch(r"[A-Z].*\.", meaning) for meaning in exits.MEANINGS.values())
