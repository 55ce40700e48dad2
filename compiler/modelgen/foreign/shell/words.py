"""Split a shell script into its simple commands, without running anything.

Only what a line that starts a server needs is understood: quotes, continued lines, variables, comments, and what
separates commands. What a script computes (`$(…)`, arrays, functions) is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.foreign.values import UNKNOWN, Letters, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)
_BRACED = re.compile(r"\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?-)(?P<other>[^${}]*))?\}", re.ASCII)
_HEREDOC = re.compile(r"<<-?[ \t]*[\"'\\]?(?P<end>\w+)[\"']?")
_SKIPPED = frozenset({"exec", "nohup", "time", "then", "do", "else", "sudo", "command", "{", "!"})
_OPTIONS_FOLLOW = frozenset({"env", "sudo", "exec", "time"})
_LONGEST = 4_096
"""The longest value of a variable that is replaced; a script can double one in each line."""
ALL_ARGUMENTS = f"\ufffa{UNKNOWN}"
"""Stands for `"$@"` in a text: U+FFFA, and then unknown."""


class Command(NamedTuple):
    """A simple command: its words, and the variables that are set for it."""

    words: tuple[Value, ...]
    variables: Mapping[str, Value]


class _Scanner:
    """Reads words from a script."""

    def __init__(self, script: Value, variables: Mapping[str, str]) -> None:
        self.script = script
        self.variables = dict(variables)
        self.commands: list[Command] = []
        self._room = 4 * len(script.text) + _LONGEST
        self.assigned: dict[str, Value] = {}
        self._exported: dict[str, Value] = {}
        self._words: list[Value] = []
        self._letters: list[str] = []
        self._offsets: list[int] = []
        self._has_word = False

    def put(self, text: str, at: int) -> None:
        self._letters.append(text)
        self._offsets += [self.script.start + at] * len(text)
        self._has_word = True

    def value(self, name: str) -> str | None:
        """Return the value of a variable; None for one that is not set, unknown for one of excessive length."""
        found = self.variables.get(name)
        if found is None:
            return None
        self._room -= len(found)
        return found if len(found) <= _LONGEST and self._room > 0 else UNKNOWN

    def begin(self) -> None:
        self._has_word = True

    @property
    def is_assigning(self) -> bool:
        """Return whether a word ends with `=`, so that a parenthesis begins an array."""
        return bool(self._letters) and self._letters[-1] == "="

    @property
    def is_between_words(self) -> bool:
        return not self._has_word

    def end_word(self, at: int) -> None:
        if self._has_word:
            text, offsets, origin = "".join(self._letters), self._offsets, self.script.origin
            if offsets and offsets[-1] - offsets[0] == len(offsets) - 1:
                self._words.append(Value(text, origin, offsets[0]))
            else:
                self._words.append(Value(text, Letters(origin, offsets, self.script.start + at)))
        self._letters, self._offsets, self._has_word = [], [], False

    def end_before_redirection(self, at: int) -> None:
        """End a word before a redirection; a number there is the descriptor that is redirected, as in `2>&1`."""
        if self._letters and "".join(self._letters).isdecimal():
            self._letters, self._offsets, self._has_word = [], [], False
        self.end_word(at)

    def end_command(self, at: int) -> None:
        self.end_word(at)
        if self._words:
            command = _without_prefix(self._words)
            if command.words:
                self.commands.append(command._replace(variables={**self._exported, **command.variables}))
            else:  # assignments alone hold for what follows
                self.variables |= {name: value.text for name, value in command.variables.items()}
                self.assigned |= command.variables
                if self._words[0].text == "export":
                    self._exported |= command.variables
        self._words = []


def commands(script: Value, variables: Mapping[str, str], *, is_one_line: bool = False) -> list[Command]:
    """Return the simple commands of a script.

    Args:
        script: The script.
        variables: The values of its environment.
        is_one_line: Whether the end of a line is a space.
    """
    return _scanned(script, variables, is_one_line=is_one_line).commands


def assignments(script: Value) -> dict[str, Value]:
    """Return the variables that a script sets alone, without a command."""
    return _scanned(script, {}, is_one_line=False).assigned


def _scanned(script: Value, variables: Mapping[str, str], *, is_one_line: bool) -> _Scanner:
    scanner, text, at = _Scanner(script, variables), script.text, 0
    quote, heredocs = "", list[str]()
    while at < len(text):
        letter = text[at]
        if letter == "\\" and quote != "'":
            at = _escape(scanner, text, at, quote)
        elif letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
            scanner.begin()
            at += 1
        elif letter == "$" and quote != "'":
            at = _variable(scanner, text, at)
        elif letter == "`" and quote != "'":
            end = text.find("`", at + 1)
            scanner.put(UNKNOWN, at)
            at = len(text) if end < 0 else end + 1
        elif quote:
            scanner.put(letter, at)
            at += 1
        elif letter in " \t\r" or (letter == "\n" and is_one_line):
            scanner.end_word(at)
            at += 1
        elif letter == "#" and scanner.is_between_words:
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif letter == "\n" and heredocs:
            scanner.end_command(at)
            at = _after_heredocs(text, at, heredocs)
            heredocs.clear()
        elif letter == "(" and scanner.is_assigning:
            end = text.find(")", at)
            scanner.put(UNKNOWN, at)
            at = len(text) if end < 0 else end + 1
        elif letter in "\n;|()" or (letter == "&" and text[at - 1 : at] != ">" and text[at + 1 : at + 2] != ">"):
            scanner.end_command(at)
            at += 1
        elif letter in "<>" or letter == "&":
            scanner.end_before_redirection(at)
            if heredoc := _HEREDOC.match(text, at):
                heredocs.append(heredoc["end"])
            at = heredoc.end() if heredoc else _redirection(text, at)
        else:
            scanner.put(letter, at)
            at += 1
    scanner.end_command(len(text))
    return scanner


def _escape(scanner: _Scanner, text: str, at: int, quote: str) -> int:
    """Read what a backslash begins; return the position after it."""
    following = text[at + 1 : at + 2]
    if following == "\r" and text[at + 2 : at + 3] == "\n":
        return at + 3
    if following and following != "\n" and (not quote or following in '"\\$`'):
        scanner.put(following, at + 1)
    elif following != "\n":
        scanner.put("\\" + following, at)
    return at + 2


def _after_heredocs(text: str, at: int, ends: list[str]) -> int:
    """Return the position after the texts that the redirections of a line announced."""
    for end in ends:
        found = re.compile(rf"^\t*{re.escape(end)}[ \t]*\r?$", re.MULTILINE).search(text, at)
        at = found.end() if found else len(text)
    return at


def _redirection(text: str, at: int) -> int:
    """Return the position after a redirection and its target."""
    found = re.compile(r"[<>&]+\s*(?:\"[^\"]*\"|'[^']*'|[^\s;|&()<>]*)").match(text, at)
    return found.end() if found and found.end() > at else at + 1


def _variable(scanner: _Scanner, text: str, at: int) -> int:
    """Read what a `$` begins; return the position after it."""
    if text.startswith(("$@", "$*"), at) or text.startswith(("${@}", "${*}"), at):
        scanner.put(ALL_ARGUMENTS, at)
        return at + (2 if text[at + 1] != "{" else 4)
    if text.startswith("$(", at):
        depth, end = 0, at + 1
        while end < len(text):
            depth += (text[end] == "(") - (text[end] == ")")
            end += 1
            if not depth:
                break
        scanner.put(UNKNOWN, at)
        return end
    name = _NAME.match(text, at + 1)
    braced = _BRACED.match(text, at + 1)
    if braced is not None:
        value = scanner.value(braced["name"])
        if value is None or (value == "" and (braced["operator"] or "").startswith(":")):
            value = braced["other"] if braced["operator"] else None
        scanner.put(UNKNOWN if value is None else value, at)
        return braced.end()
    if name is not None:
        value = scanner.value(name[0])
        scanner.put(UNKNOWN if value is None else value, at)
        return name.end()
    # An expansion that is not closed reaches to the end, as a quotation does.
    end = text.find("}", at) + 1 or len(text) if text.startswith("${", at) else 0
    if end or text[at + 1 : at + 2] in "?#!$-0123456789":
        scanner.put(UNKNOWN, at)
        return end or at + 2
    scanner.put("$", at)
    return at + 1


def _without_prefix(words: list[Value]) -> Command:
    """Return a command without what stands before its program: assignments, `exec`, `env`."""
    variables: dict[str, Value] = {}
    at, after_options = 0, False
    while at < len(words):
        text = words[at].text
        if found := _ASSIGNMENT.match(text):
            variables[found[1]] = words[at].part(found.end())
        elif text == "export" and at + 1 < len(words):
            pass
        elif text in _SKIPPED or text.rpartition("/")[2] in _OPTIONS_FOLLOW:
            after_options = text.rpartition("/")[2] in _OPTIONS_FOLLOW
        elif not (after_options and text.startswith("-")):
            break
        at += 1
    return Command(tuple(words[at:]), variables)
