"""Read files of variables: `.env`, and those that `env_file` names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.foreign.interpolation import interpolate
from modelgen.foreign.services import Variable
from modelgen.foreign.values import Value
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*[=:][ \t]*"""
    r"""(?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>[^\r\n]*))""",
    re.MULTILINE | re.ASCII,
)
_COMMENT = re.compile(r"(?:^|[ \t])#.*")


class _Place:
    """A place in a file of variables."""

    def __init__(self, source: Source, at: int) -> None:
        self._source = source
        self._at = at

    def span(self, start: int, end: int) -> Span:
        """Return the place of the value; a value with variables has that of its beginning."""
        line, column = self._source.place(self._at)
        return Span(self._source.path, line, column + start, line, column + max(end, start + 1))


def read_env_file(path: str, data: bytes) -> dict[str, Variable]:
    """Return the variables of a file; of one that is not text, none."""
    source = Source(path, data.decode("utf-8-sig", "replace"))
    found: dict[str, Variable] = {}
    for line in _LINE.finditer(source.text):
        kind = next(name for name in ("single", "double", "bare") if line[name] is not None)
        text = line[kind] if kind != "bare" else _COMMENT.sub("", line[kind]).strip()
        if kind != "single" and "$" in text:
            known = {name: one.value.text for name, one in found.items() if one.value is not None}
            text = "".join(piece.text for piece in interpolate(text, known).pieces)
        name = Value(line["name"], _Place(source, line.start("name")))
        found[line["name"]] = Variable(name, Value(text, _Place(source, line.start(kind))))
    return found


def variables_of(path: str, data: bytes) -> Mapping[str, str]:
    """Return the values of a `.env` file, for the variables in a Compose file."""
    return {name: one.value.text for name, one in read_env_file(path, data).items() if one.value and one.value.is_known}
