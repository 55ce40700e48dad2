"""Parse bytes as Source and TOML, and report encoding and syntax errors."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from modelgen.diagnostics import Found, rule
from modelgen.files import MAX_SOURCE_BYTES
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

# Deeper than any engine's JSON flag; far below what would exhaust the stack of this program or of Compose.
MAX_DEPTH = 64

# Matches text that could be an integer of more than 64 bits.
_LONG_NUMBER = re.compile(r"0[xob][0-9A-Fa-f_]{16}|\d[\d_]{18}")
_KEY_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?:^|[\[{{,])[ \t]*+(?:{_KEY_PART}[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}", re.MULTILINE)

Toml = dict[str, Any]


@rule("MG001", "invalid-toml")
def invalid_toml(source: Source, error: ValueError) -> Iterator[Found]:
    """The file is not TOML.

    ## Why
    A file that cannot be parsed cannot be checked. TOML also forbids a key or table that is written twice, since one of
    the two would be lost silently.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    args = { max-model-len = 16384 }
    ```
    """
    if not isinstance(error, tomllib.TOMLDecodeError):  # Python's own guard against quadratic conversion
        offset = match.start() if (match := re.search(r"(?<![\d_])\d[\d_]{4000,}", source.text)) else 0
        line, column = source.text.count("\n", 0, offset) + 1, offset - source.text.rfind("\n", 0, offset)
        yield Found(Span(source.path, line, column, line, column + 1), "this integer has too many digits")
        return
    message = re.sub(r" \(at (line \d+, column \d+|end of document)\)$", "", str(error))
    # tomllib prints tables as Python tuples, and reports a second value as an overwrite.
    message = re.sub(r"\((?:'[^']*'(?:, )?)+,?\)", _dotted_table, message)
    message = message.replace("Cannot overwrite a value", "this key is written twice")
    if place := re.search(r"\(at line (\d+), column (\d+)\)$", str(error)):
        line, column = int(place[1]), int(place[2])
    elif str(error).endswith("(at end of document)"):
        line, column = len(source.lines), len(source.lines[-1]) + 1
    else:
        line, column = 1, 1
    yield Found(
        Span(source.path, line, column, line, column + 1),
        f"this is not TOML: {message}",
        _mended(source, line, message),
    )


def _mended(source: Source, line: int, message: str) -> str:
    """Return what to write, where the text shows what was meant."""
    if "written twice" in message:
        return "keep one of the two lines; if both are tables, write all entries in one: `{ A = 1, B = 2 }`"
    first = next((text for text in source.lines if text.strip() and not text.lstrip().startswith("#")), "")
    if first.lstrip().startswith("{"):
        return "this looks like JSON: `modelgen init` writes a models.toml to start from"
    if first.strip() == "---" or re.match(r"[\w-]+:(\s|$)", first):
        return "this looks like YAML: `modelgen init` writes a models.toml to start from"
    is_other = not source.path.lower().endswith(".toml")
    return _unescaped(source, line) or ("pass the path of a models.toml, or its folder" if is_other else "")


def _unescaped(source: Source, line: int) -> str:
    r"""Return what to write for a Windows path in double quotes, where `\U` begins an escape."""
    if (path := re.search(r'"((?:[A-Za-z]:|\.{0,2}|~)\\[^"\n]*)"', source.line(line))) is None:
        return ""
    return (
        f"write the path in single quotes, or with `/`: '{path[1]}'"
        if "'" not in path[1]
        else "write the path with `/`"
    )


def _dotted_table(found: re.Match[str]) -> str:
    return "[" + ".".join(re.findall("'([^']*)'", found[0])) + "]"


@rule("MG002", "not-utf8")
def not_utf8(path: str, data: bytes, error: UnicodeDecodeError) -> Iterator[Found]:
    """The file is not UTF-8.

    ## Why
    TOML is UTF-8 by definition. Windows PowerShell 5 writes UTF-16 when output is redirected into a file.
    """
    before = data[: error.start]
    line = before.count(b"\n") + 1
    column = len(before.rsplit(b"\n", 1)[-1].decode("utf-8")) + 1
    is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    yield Found(
        Span(path, line, column, line, column + 1),
        f"this is not UTF-8: byte 0x{data[error.start]:02x}" + (" (the file is UTF-16)" if is_utf16 else ""),
        "save the file as UTF-8",
    )


@rule("MG003", "file-too-large")
def file_too_large(path: str) -> Iterator[Found]:
    """The file is larger than 4 MiB.

    ## Why
    10,000 models fit into 4 MiB. A larger file is probably not a models.toml, but for example the weights.
    """
    yield Found(
        Span(path, 1, 1, 1, 1),
        f"the file has more than {MAX_SOURCE_BYTES:,} bytes",
        "pass the models.toml with --config",
    )


@rule("MG006", "huge-integer")
def huge_integer(span: Span) -> Iterator[Found]:
    """An integer does not fit into 64 bits.

    ## Why
    TOML guarantees 64 bits only, and so do the engines and JSON readers that receive the value.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 0x10000000000000000 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 0x10000 }
    ```
    """
    yield Found(span, "this integer does not fit into 64 bits", "write a smaller one, or a string")


@rule("MG004", "nested-too-deep")
def nested_too_deep(span: Span) -> Iterator[Found]:
    """Values are nested more than 64 levels deep.

    ## Why
    No table of models.toml and no flag of an engine is nested more than a few levels.
    """
    yield Found(span, f"values are nested more than {MAX_DEPTH} levels deep", "flatten this value")


def decode(data: bytes) -> str:
    """Return the text without its byte order mark.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return data.decode("utf-8").removeprefix("\ufeff")


def parse(source: Source) -> Toml:
    """Parse the text.

    Raises:
        ValueError: It is not TOML (also for an integer of more digits than Python converts).
        RecursionError: It is nested too deep for tomllib.
    """
    return tomllib.loads(source.text)


def is_too_dotted(text: str) -> bool:
    """Return whether a key has more than `MAX_DEPTH` parts, over which tomllib would take quadratic time."""
    return _LONG_KEY.search(text) is not None


def find_huge_integer(source: Source, tables: Toml) -> tuple[str | int, ...] | None:
    """Return the path of an integer of more than 64 bits, if there is one."""
    if not _LONG_NUMBER.search(source.text):
        return None
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), tables)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict | list):
            children = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [((*path, key), child) for key, child in children]
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            return path
    return None


def find_too_deep(tables: Toml) -> tuple[str, ...] | None:
    """Return the path of a value below `MAX_DEPTH`, if there is one; without recursion."""
    level: list[tuple[tuple[str, ...], Any]] = [((), tables)]
    for _ in range(MAX_DEPTH):
        level = [
            ((*path, str(key)), child)
            for path, value in level
            for key, child in (value.items() if isinstance(value, dict) else enumerate(value))
            if isinstance(child, dict | list)
        ]
        if not level:
            return None
    return level[0][0]
