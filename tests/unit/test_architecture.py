"""ARCHITECTURE.md names what exists, and all of the orchestrator's modules."""

from __future__ import annotations

import re
from functools import cache

import pytest

from compiling import REPOSITORY

PAGE = (REPOSITORY / "compiler" / "ARCHITECTURE.md").read_text(encoding="utf-8")
COMPILER = REPOSITORY / "compiler" / "modelgen"
RUNTIME = REPOSITORY / "compiler" / "modelgen_runtime"
NO_MODULES = {
    "Diagnostic",
    "Fitted",
    "Fleet",
    "Foreign",
    "Host",
    "Resolved",
    "Span",
    "Wanted",
    "[defaults]",
    "auto",
    "check_source",
    "compile_source",
    "model",
    "rule",
}
"""Names of other things than modules in the map of the compiler."""


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[tuple[str, str]]:
    """Return the first and second column of a table, without its head."""
    return re.findall(r"^\| (`.+?) \| (.+) \|$", section(title), re.MULTILINE)


@cache
def modules() -> set[str]:
    """Return the names of the compiler's modules, packages and other files."""
    return {name for path in COMPILER.rglob("*") for name in (path.name, path.stem)}


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize(("floor", "text"), rows("Code map"))
def test_the_map_of_the_compiler_names_modules_that_exist(floor: str, text: str) -> None:
    [name] = quoted(floor)
    assert (COMPILER / name).is_dir() or (COMPILER / f"{name}.py").is_file()
    found = {word for word in quoted(text) if not word.startswith("modelgen ")}
    assert found <= modules() | NO_MODULES


def test_the_map_of_the_compiler_has_every_floor() -> None:
    parts = {path.name.removesuffix(".py") for path in COMPILER.iterdir() if path.suffix in ("", ".py")}
    assert {quoted(floor)[0] for floor, _ in rows("Code map")} == {part for part in parts if not part.startswith("__")}


def test_the_map_of_the_hub_is_whole() -> None:
    there = {path.stem for path in (COMPILER / "hub").rglob("*.py")} - {"__init__"}
    named = {word for row in section("The hub").splitlines() if row.startswith("|") for word in quoted(row)}
    packages = {path.parent.name for path in (COMPILER / "hub").glob("**/*/__init__.py")}
    assert {name for name in named if not name.startswith("--")} == there | packages


def test_the_map_of_the_orchestrator_is_whole() -> None:
    named = set[str]()
    for first, text in rows("The orchestrator"):
        for module in quoted(first):
            named.add(module)
            if module.endswith("/"):
                named |= {f"{module}{word}" for word in quoted(text) if word not in NO_MODULES}
    there = {path.relative_to(RUNTIME).with_suffix("").as_posix() for path in RUNTIME.rglob("*.py")}
    packages = {f"{path.parent.relative_to(RUNTIME).as_posix()}/" for path in RUNTIME.glob("*/**/__init__.py")}
    assert named == {name for name in there if not name.endswith("__init__")} | packages


def test_every_guard_exists() -> None:
    guards = re.findall(r"(?<![\w/])tests/[\w/.]*\w", section("Invariants"))
    assert guards
    assert [guard for guard in guards if not (REPOSITORY / guard).exists()] == []


def test_the_page_is_short() -> None:
    assert PAGE.count("\n") <= 200
