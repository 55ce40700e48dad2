"""Write one document as TOML in any of the ways that TOML has.

The writer draws every choice that a person has: header or dotted key or inline table, four kinds of strings, escapes,
comments, blank lines, either line end, a byte order mark. What it writes is judged by tomllib, never by itself.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from toml_strings import line_texts, quote, quote_on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

Table = dict[str, Any]
Draw = st.DrawFn

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write(draw: Draw, document: Table) -> str:
    """Return `document` as text; `draw` decides everything that TOML leaves open."""
    lines = [line for block in _blocks(draw, document, (), header=None) for line in block]
    # A multi-line string carries its own line ends: a document may mix both kinds.
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(line + end for line in lines)
    if draw(st.booleans()):
        text = text.removesuffix(end)
    return draw(st.sampled_from(["", "", "", "\ufeff"])) + text


def _blocks(draw: Draw, table: Table, path: tuple[str, ...], header: str | None) -> list[list[str]]:
    """Return a table's own lines and those of the tables below it, each a block that may stand anywhere after it."""
    pairs: list[list[str]] = []
    below: list[list[list[str]]] = []
    names = draw(st.permutations(list(table)))
    for name in names:
        value, inner = table[name], (*path, name)
        if _is_table_array(value) and draw(st.booleans()):
            head = f"[[{_dotted(draw, inner)}]]"
            # The blocks of an item follow it directly: they belong to the last item of their name.
            below.append([block for item in value for block in _blocks(draw, item, inner, _decorated(draw, head))])
        elif isinstance(value, dict) and draw(st.booleans()):
            below.append(_blocks(draw, value, inner, _decorated(draw, f"[{_dotted(draw, inner)}]")))
        else:
            pairs.append(list(_pairs(draw, (name,), value)))
    own = [line for lines in _interleaved(draw, pairs) for line in (*_noise(draw), lines)]
    is_item = header is not None and header.lstrip().startswith("[[")
    is_implied = header is not None and not own and below and not is_item and draw(st.booleans())
    first = [] if header is None or is_implied else [*_noise(draw), header]
    blocks = [block for group in below for block in group]
    own_block = [*first, *own]
    # `[a]` may follow `[a.b]`; an item of an array, and the document's own pairs, come before what is in them.
    if header is None or is_item or not draw(st.booleans()):
        return [own_block, *blocks]
    return [*blocks, own_block]


def _interleaved(draw: Draw, groups: list[list[str]]) -> Iterator[str]:
    """Yield the pairs in a drawn order: `a.x = 1`, `b = 2`, `a.y = 3` is one table `a`."""
    lines = [line for group in groups for line in group]
    yield from draw(st.permutations(lines)) if lines else ()


def _pairs(draw: Draw, key: tuple[str, ...], value: Any, *, inline: bool = False) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, dict) and value and draw(st.booleans()):
        for name, item in value.items():
            yield from _pairs(draw, (*key, name), item, inline=inline)
    else:
        space = draw(st.sampled_from([" ", "", "  ", "\t"]))
        pair = f"{_dotted(draw, key)}{space}={space}{_value(draw, value, inline=inline)}"
        yield pair if inline else _decorated(draw, pair)


def _decorated(draw: Draw, line: str) -> str:
    """Indent a line and put a comment behind it."""
    indent = draw(st.sampled_from(["", "", "  ", "\t"]))
    comment = f" # {draw(line_texts())}" if draw(st.integers(0, 4)) == 0 else ""
    return f"{indent}{line}{comment}"


def _noise(draw: Draw) -> list[str]:
    """Return what may stand between two lines."""
    return draw(st.sampled_from([[], [], [], [""], ["# 漢字 = [1]"], ["\t# [a]", ""]]))


def _dotted(draw: Draw, path: tuple[str, ...]) -> str:
    dot = draw(st.sampled_from([".", ".", " . ", "\t."]))
    return dot.join(_key(draw, part) for part in path)


def _key(draw: Draw, name: str) -> str:
    return name if _BARE.fullmatch(name) and draw(st.booleans()) else quote_on_one_line(draw, name)


def _value(draw: Draw, value: Any, *, inline: bool) -> str:  # noqa: ANN401
    match value:
        case str():
            return quote_on_one_line(draw, value) if inline else quote(draw, value)
        case bool():
            return str(value).lower()
        case int():
            return _integer(draw, value)
        case float():
            return _float(draw, value)
        case list():
            return _array(draw, value, inline=inline)
        case dict():
            items = [pair for name, item in value.items() for pair in _pairs(draw, (name,), item, inline=True)]
            gap = draw(st.sampled_from(["", " "]))
            return f"{{{gap}{', '.join(draw(st.permutations(items)) if items else ())}{gap}}}"
        case _:
            separator = draw(st.sampled_from(["T", " ", "t"])) if hasattr(value, "date") else "T"
            return str(value.isoformat(sep=separator)) if hasattr(value, "date") else str(value.isoformat())


def _array(draw: Draw, values: list[Any], *, inline: bool) -> str:
    # Within an inline table a line may end inside an array's brackets, but this is rare enough to leave alone.
    gap = "" if inline else draw(st.sampled_from(["", " ", "\n  ", "\r\n", "\n # ], \n\t"]))
    comma = draw(st.sampled_from(["", ","])) if values else ""
    items = f",{gap}".join(_value(draw, item, inline=inline) for item in values)
    return f"[{gap}{items}{comma}{gap}]"


def _integer(draw: Draw, value: int) -> str:
    forms = [str(value), f"{value:_}"]
    forms += [f"+{value}", f"{value:#x}", f"{value:#o}", f"{value:#b}"] if value >= 0 else []
    return draw(st.sampled_from(forms))


def _float(draw: Draw, value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    plain = repr(value)
    return draw(st.sampled_from([plain, plain.replace("e", "E"), f"{value:.17e}"]))


def _is_table_array(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
