"""docs/reference/environment-variables.md lists what the code reads, and nothing else."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from written_pages.environment_variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = {name: meaning for found in variables().values() for name, meaning in found.items()}
NAME = re.compile(r"[A-Z][A-Z0-9_]+")
READS = ("get", "getenv", "setdefault")
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


def names_read(text: str) -> Iterator[str]:
    """Yield the environment variables that a module reads.

    Where the name is a variable of the program, it is one of the names in the module's tuples.
    """
    if not re.search(r"environ|getenv|getproxies|HF_", text):
        return
    tree = ast.parse(text)
    for node in ast.walk(tree):
        mapping: ast.expr
        key: ast.expr
        match node:
            case ast.Call(func=ast.Attribute(value=mapping, attr=method), args=[key, *_]) if method in READS:
                is_read = method == "getenv" or is_environment(mapping)
            case ast.Subscript(value=mapping, slice=key, ctx=ast.Load()):
                is_read = is_environment(mapping)
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[mapping]):
                is_read = is_environment(mapping)
            case ast.Call(func=ast.Attribute(attr="getproxies")):
                yield from PROXIES
                continue
            case ast.Attribute(value=ast.Name(id="constants"), attr=name) if name.startswith("HF_"):
                yield name
                continue
            case _:
                continue
        if is_read and isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
        elif is_read and isinstance(key, ast.Name):
            yield from names_in_tuples(tree)


def is_environment(mapping: ast.expr) -> bool:
    return re.search(r"(?:^|\.)environ(?:ment)?$", ast.unparse(mapping)) is not None


def names_in_tuples(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            for item in node.elts:
                if isinstance(item, ast.Constant) and isinstance(item.value, str) and NAME.fullmatch(item.value):
                    yield item.value


def test_the_page_lists_the_variables_that_the_code_reads() -> None:
    found = {
        name
        for path in (REPOSITORY / "compiler").rglob("*.py")
        for name in names_read(path.read_text(encoding="utf-8"))
    }
    assert found == set(VARIABLES)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('os.environ.get("A_KEY")', {"A_KEY"}),
        ('os.environ["A_KEY"]', {"A_KEY"}),
        ('os.environ["A_KEY"] = "1"', set()),
        ('os.getenv("A_KEY")', {"A_KEY"}),
        ('host.environment.get("HOME")', {"HOME"}),
        ('"A_KEY" in os.environ', {"A_KEY"}),
        ('[os.environ.get(name) for name in ("A_KEY", "B_KEY")]', {"A_KEY", "B_KEY"}),
        ('table.get("A_KEY")', set()),
        ("urllib.request.getproxies()", PROXIES),
        ("constants.HF_HUB_OFFLINE", {"HF_HUB_OFFLINE"}),
    ],
)
def test_each_way_to_read_a_variable_is_found(line: str, names: set[str]) -> None:
    assert set(names_read(line)) == names


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_has_a_description(name: str) -> None:
    assert re.fullmatch(r"[A-Z`].*\.", VARIABLES[name])
