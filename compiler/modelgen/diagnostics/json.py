"""Format diagnostics for programs: a JSON array of flat objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from modelgen.diagnostics.masking import mask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.diagnostics.diagnostic import Diagnostic


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """Return an array of `code`, `rule`, `severity`, `message`, `help`, `path` and the four numbers of the span."""
    return json.dumps([_as_dict(found) for found in diagnostics], indent=2, ensure_ascii=False) + "\n"


def _as_dict(found: Diagnostic) -> dict[str, str | int]:
    return {
        "code": found.code,
        "rule": found.rule,
        "severity": found.severity.value,
        "message": mask(found.message),
        "help": mask(found.help),
        **found.span._asdict(),
    }
