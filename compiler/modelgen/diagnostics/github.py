"""Format diagnostics as workflow commands, which GitHub shows beside the lines of a pull request.

The grammar: docs.github.com, "Workflow commands for GitHub Actions", "Setting an error message".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics.diagnostic import Severity
from modelgen.diagnostics.masking import mask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.diagnostics.diagnostic import Diagnostic

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """Return one `::error file=…,line=…::…` line per finding."""
    return "".join(_command(found) for found in diagnostics)


def _command(found: Diagnostic) -> str:
    span = found.span
    place = {
        "file": span.path,
        "line": str(span.line),
        "endLine": str(span.end_line),
        # GitHub refuses columns in annotations of several lines.
        **({"col": str(span.column), "endColumn": str(span.end_column)} if span.line == span.end_line else {}),
        "title": f"{found.code} {found.rule}",
    }
    properties = ",".join(f"{key}={_escape_property(value)}" for key, value in place.items())
    text = mask(f"{found.message}\n{found.help}" if found.help else found.message)
    return f"::{_COMMANDS[found.severity]} {properties}::{_escape(text)}\n"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
