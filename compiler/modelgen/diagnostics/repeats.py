"""Order findings for people: errors first, and what repeats only a few times in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.diagnostics.diagnostic import Diagnostic

_IN_FULL = 3
_ORDER = [*Severity]


class Shown(NamedTuple):
    """A finding to print, and the findings after it that are only counted.

    Args:
        found: The finding.
        more: Later findings of the same rule with the same help.
    """

    found: Diagnostic
    more: list[Diagnostic]


def by_severity(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the errors, the warnings and the infos, each in their order."""
    return sorted(diagnostics, key=lambda found: _ORDER.index(found.severity))


def fold(diagnostics: Iterable[Diagnostic]) -> list[Shown]:
    """Return what to print: the first findings of a rule with one help, the last of which counts the others."""
    shown: list[Shown] = []
    same: dict[tuple[str, str, str], list[Shown]] = {}
    for found in by_severity(diagnostics):
        printed = same.setdefault((found.code, found.help or found.message, found.span.path), [])
        if len(printed) == _IN_FULL:
            printed[-1].more.append(found)
        else:
            printed.append(Shown(found, []))
            shown.append(printed[-1])
    return shown
