"""One string in the four ways in which TOML writes strings."""

from __future__ import annotations

import re

from hypothesis import strategies as st

_SHORT = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", '"': r"\"", "\\": r"\\"}
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_NASTY = [
    *["\n", "\r\n", "\r", "\t", "\x85", "\u2028", "\u2029", "\ufeff", "\x7f", "\x1b[31m", "\x01", "\x9f", "\ufffe"],
    *['"', "'", "'''", '"""', "\\", "\\u0041", "$", "$$", "${HOME}", "{{ x }}", "{% x %}", "#", " # ", ": ", "- "],
    *["[", "]", "{", "}", ",", "=", "%", "&a", "*a", "!t", "|", ">", "@", "`", "~", "---", "...", " ", ".", "<<", "?"],
    *["null", "no", "1e3", "0x1", "1_0", "22:22", "true", "漢字", "e\u0301", "👩\u200d🚀", "ß", "\U0010ffff", "a"],
]


def texts(*, min_size: int = 0, max_size: int = 6) -> st.SearchStrategy[str]:
    """Draw text that hurts, of at most `max_size` parts: line ends, quotes, wide characters, the signs of YAML."""
    anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)
    return st.lists(st.sampled_from(_NASTY) | anything, min_size=min_size, max_size=max_size).map("".join)


PLAIN: st.SearchStrategy[str | int | bool] = texts() | st.integers(-(2**63), 2**63 - 1) | st.booleans()


def line_texts() -> st.SearchStrategy[str]:
    """Draw text for a comment."""
    return texts(max_size=3).map(lambda text: _CONTROL.sub("·", text))


def quote(draw: st.DrawFn, text: str) -> str:
    """Return `text` as any of the four kinds of strings."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return _multi_line_basic(draw, text)
    if kind == 1:
        return _multi_line_literal(draw, text)
    return quote_on_one_line(draw, text)


def quote_on_one_line(draw: st.DrawFn, text: str) -> str:
    """Return `text` as a basic or a literal string."""
    if "'" not in text and not _CONTROL.search(text) and draw(st.booleans()):
        return f"'{text}'"
    return f'"{_escaped(draw, text)}"'


def _escaped(draw: st.DrawFn, text: str, *, but: str = "") -> str:
    """Escape what must be escaped, save `but`, and more or less of the rest: one draw, for escapes are many."""
    every = draw(st.sampled_from([0, 0, 0, 1, 2]))
    form = draw(st.sampled_from(["short", "u", "U"]))
    written = []
    for number, character in enumerate(text):
        must = character in '"\\' or _CONTROL.search(character)
        if character in but or not (must or (every and number % every == 0)):
            written.append(character)
        elif form == "short" and character in _SHORT:
            written.append(_SHORT[character])
        elif form == "U" or ord(character) > 0xFFFF:
            written.append(f"\\U{ord(character):08X}")
        else:
            written.append(f"\\u{ord(character):04x}")
    return "".join(written)


def _multi_line_basic(draw: st.DrawFn, text: str) -> str:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    bare_quotes = 0
    if draw(st.booleans()):  # one or two may stand bare before the closing three
        bare_quotes = min(2, len(text) - len(text.rstrip('"')))
    body = _escaped(draw, text[: len(text) - bare_quotes], but="\n").replace("\n", end) + '"' * bare_quotes
    # A first line end is dropped, and so is a line end behind a backslash, with all space that follows.
    start = draw(st.sampled_from(["", end, f"\\{end}  {end}\t", f"{end}\\ \t{end}"]))
    if body[:1] in ("\n", "\r", " ", "\t"):
        start = end
    return f'"""{start}{body}"""'


def _multi_line_literal(draw: st.DrawFn, text: str) -> str:
    if "'''" in text or text.startswith("\n") or text.endswith("'") or _CONTROL.search(text.replace("\n", "")):
        return quote_on_one_line(draw, text)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    start = draw(st.sampled_from(["", end]))
    return f"'''{start}{text.replace(chr(10), end)}'''"
