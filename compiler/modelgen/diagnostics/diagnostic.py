"""Define a diagnostic: the finding of a rule, its place, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.source import Span


class Severity(StrEnum):
    """The severity of a finding. Only `ERROR` stops a build."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Args:
        code: Stable and never reused, such as `MG101`.
        rule: The rule's name, such as `unpinned-repo`.
        severity: As the rule declares it or as `[rules]` changed it.
        message: What is wrong; one line, complete without the rest.
        help: What to write or do instead; may be empty.
        span: Where the value to change is written, file included.
    """

    code: str
    rule: str
    severity: Severity
    message: str
    help: str
    span: Span


def sort_by_place(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings in the order of their places, without duplicates."""
    return sorted(dict.fromkeys(diagnostics), key=lambda found: (found.span, found.code, found.message))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of the findings stops a build."""
    return any(found.severity is Severity.ERROR for found in diagnostics)
