"""Split a command that is one string into words, as Compose does (github.com/mattn/go-shellwords, without a shell)."""

from __future__ import annotations

from typing import NamedTuple

from modelgen.foreign.values import Letters, Value

_SPACES = " \t\r\n"
_ENDS = ";&|<>"


class Words(NamedTuple):
    """The words of a command.

    Args:
        words: The words that the program gets.
        dropped: Where the text begins that is left out without a message, at an unquoted `;`, `&`, `|`, `<` or `>`; -1
            if nothing is.
        fault: Why the command is refused; empty if it is not.
    """

    words: tuple[Value, ...]
    dropped: int = -1
    fault: str = ""


def split(value: Value) -> Words:
    """Split a string command."""
    words: list[Value] = []
    letters: list[str] = []
    offsets: list[int] = []
    quote, escaped, begun = "", False, False
    dropped = -1

    def finish(at: int) -> None:
        nonlocal begun
        if begun:
            text = "".join(letters)
            contiguous = not offsets or offsets[-1] - offsets[0] == len(offsets) - 1
            if contiguous and offsets:
                words.append(Value(text, value.origin, value.start + offsets[0]))
            else:
                places = [value.start + offset for offset in offsets]
                words.append(Value(text, Letters(value.origin, places, value.start + at)))
        begun = False
        letters.clear()
        offsets.clear()

    for at, letter in enumerate(value.text):
        if escaped:
            letter = {"t": "\t", "n": "\n"}.get(letter, letter)  # noqa: PLW2901
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
            continue
        elif letter in _SPACES and not quote:
            finish(at)
            continue
        elif letter in "\"'`" and quote in ("", letter):
            begun = begun or quote != "" or letter == "`"
            quote = "" if quote else letter
            if letter != "`":
                continue
        elif letter in "()" and not quote:
            return Words(tuple(words), fault=f"`{letter}` outside of quotes")
        elif letter in _ENDS and not quote:
            if letter == ">" and letters and letters[0].isdigit():
                begun = False
            dropped = at
            break
        letters.append(letter)
        offsets.append(at)
        begun = True
    finish(len(value.text))
    if quote or escaped:
        return Words(tuple(words), fault="a quote that is not closed" if quote else "a backslash at its end")
    return Words(tuple(words), dropped)
