"""What must be true of every outcome of the compiler, whatever the bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from modelgen.diagnostics import github, human
from modelgen.diagnostics import json as json_format
from modelgen.diagnostics.repeats import fold
from modelgen.pipeline import compile_source
from modelgen.targets.readback import find_difference, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.diagnostics import Diagnostic
    from modelgen.pipeline import Compilation


def compile_anything(data: bytes, lock: bytes | None = None) -> Compilation:
    """Compile `data` and check that the outcome is one: artifacts, or findings that can be printed and looked up."""
    compilation = compile_source(data, lock)
    found = compilation.diagnostics
    assert compilation.failed == any(diagnostic.severity == "error" for diagnostic in found)
    assert compilation.failed == (not compilation.artifacts)
    for text, path in ((data, compilation.source.path), (lock or b"", "models.lock")):
        assert list(misplaced((one for one in found if one.span.path == path), text)) == []
    for colour in (False, True):
        human.render(fold(found), compilation.source, colour=colour)
    # One line a finding, and nothing else that begins like a command of GitHub's.
    assert github.render(found).count("\n") == len(found)
    assert len(json.loads(json_format.render(found))) == len(found)
    for name, rendered in compilation.artifacts.items():
        if name.endswith(".yml"):
            document = yaml.load(rendered, Loader=yaml.CSafeLoader)
            assert find_difference(parse_yaml(rendered), document) is None
    return compilation


def misplaced(found: Iterable[Diagnostic], data: bytes) -> Iterable[str]:
    """Yield the findings whose place is not in the text."""
    # What is not UTF-8 still has lines, and columns up to the first wrong byte.
    lines = data.decode("utf-8", "replace").split("\n")
    for diagnostic in found:
        _, line, column, end_line, end_column = span = diagnostic.span
        inside = 1 <= line <= end_line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1
        # A span that begins at a line's end is one character long all the same: carets need room.
        inside = inside and 1 <= end_column <= len(lines[end_line - 1]) + (2 if line == end_line else 1)
        if not (inside and (line, column) <= (end_line, end_column)):
            yield f"{diagnostic.code} at {span}"
