"""Docstrings, comments, messages and pages are written in plain words: a list of patterns that were removed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "compiler/ARCHITECTURE.md", "docs/**/*.md"]
PERSONS = r"\b(?:nobody|somebody|anybody|everybody|whoever|who|whom)\b"
DIALECT = (
    r"\b(?:told|misfit|lacking|mends?|mended|mending)\b"
    r"|\b(?:asks|asked|tells?) (?:nobody|anew|for the|of|it|whether|that|where|which|from)\b"
    r"|\b(?:hold|holds|held) (?:\w+ )?against\b|(?-i:\bOf an? )|\bgoes? by it\b|\bas such\b|\bwithout a word\b"
    r"|\bis (?:no|none) (?:address|file|table|folder|link|path)\b|\bby hand as a whole\b|\bleads? nowhere\b|\bat odds\b"
)
FRAGMENT = r"(?:What|Of|Whether|Which|Why|Who|How) "
WORDS = re.compile(f"{PERSONS}|{DIALECT}", re.IGNORECASE)
BEGINNINGS = re.compile(rf'"""{FRAGMENT}|^ +\w+: Of ', re.MULTILINE)
JOINED = re.compile(r"""["']\s*\n\s*[bfr]*["']""")
"""Where a string goes on in the next line."""


def find_faults(path: str, text: str) -> list[str]:
    """Return the passages of a file that match a pattern, each with its line."""
    if not any(pattern.search(JOINED.sub("", text)) for pattern in (WORDS, BEGINNINGS)):  # parsing takes long
        return []
    found = prose_of_python(text) if path.endswith(".py") else prose_of_page(text)
    return [f"{path}:{line}: {fault}" for line, part in found for fault in faults_in(part)]


def faults_in(prose: str) -> Iterator[str]:
    """Yield the matches in a text, without those in backticks and in the targets of links."""
    for match in WORDS.finditer(re.sub(r"`[^`\n]*`|\]\([^)\n]*\)", "``", prose)):
        yield match[0]
    for pattern in (f"\\ADOCSTRING {FRAGMENT}", r"^ +\w+: Of "):
        yield from (match[0].strip() for match in re.finditer(pattern, prose, re.MULTILINE))


def prose_of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings (after the word DOCSTRING), comments and other strings with a space, each with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for inner in body if isinstance(body, list) else ():
            if (
                isinstance(inner, ast.Expr)
                and isinstance(inner.value, ast.Constant)
                and isinstance(inner.value.value, str)
            ):
                yield inner.lineno, f"DOCSTRING {inner.value.value}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value


def prose_of_page(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page outside code blocks, with their numbers."""
    in_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and not line.startswith("    "):
            yield number, line


def files() -> list[str]:
    """Return the files that the patterns apply to."""
    paths = [*ROOT.glob("compiler/**/*.py"), *(path for page in PAGES for path in ROOT.glob(page))]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def test_code_and_pages_use_plain_words() -> None:
    faults = [fault for name in files() for fault in find_faults(name, (ROOT / name).read_text("utf-8"))]
    assert faults == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", '"""What a rule may look at."""'),
        ("a.py", 'def f():\n    """Whether somebody waits."""'),
        ("a.py", 'class A:\n    """A file.\n\n    Args:\n        path: Of the file.\n    """'),
        ("a.py", "x = 1  # nobody reads it"),
        ("a.py", 'print(f"{x} is told of it")'),
        ("a.md", "Compare the lock, and hold it against the hub."),
    ],
)
def test_each_pattern_is_found(path: str, text: str) -> None:
    assert find_faults(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", '"""Return whether a file exists, as `nobody` sees it."""'),
        ("a.md", "```\nnobody\n```"),
    ],
)
def test_code_is_not_prose(path: str, text: str) -> None:
    assert find_faults(path, text) == []
