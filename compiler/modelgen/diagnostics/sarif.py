"""Format diagnostics as SARIF 2.1.0, for code scanning and for the viewers of editors.

The format: docs.oasis-open.org, "Static Analysis Results Interchange Format". GitHub's requirements and size limits:
docs.github.com, "SARIF support for code scanning".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from modelgen import __version__
from modelgen.diagnostics.diagnostic import Severity
from modelgen.diagnostics.masking import mask
from modelgen.diagnostics.rules import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.diagnostics.diagnostic import Diagnostic
    from modelgen.diagnostics.rules import Rule
    from modelgen.source import Span

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
# Not `primaryLocationLineHash`: GitHub's upload action computes that one itself, also stable when lines move, and warns
# at every result that has another (github.com/github/codeql-action/issues/4052).
_FINGERPRINT = "modelgenFinding/v1"
_LONGEST_DESCRIPTION = 1024


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """Return one SARIF log with one run; without a finding its `results` are empty."""
    found = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    rules = [_rule(rule) for rule in all_rules() if rule.code in codes]
    run = {
        "tool": {"driver": {"name": "modelgen", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": _results(found, codes),
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule[...]) -> dict[str, object]:
    why = rule.manual.partition("## Why\n")[2].partition("\n## ")[0]
    description = f"{rule.summary} {' '.join(why.split())}".strip()
    return {
        "id": rule.code,
        "name": rule.name,  # the name in `[rules]`
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": description[:_LONGEST_DESCRIPTION]},
        "help": {"text": rule.manual, "markdown": rule.manual},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _results(found: list[Diagnostic], codes: list[str]) -> list[dict[str, object]]:
    index = {code: position for position, code in enumerate(codes)}
    seen: Counter[str] = Counter()
    results: list[dict[str, object]] = []
    for diagnostic in found:
        text = _text(diagnostic)
        # The place is not hashed: a line inserted above must not change the fingerprint.
        written = f"{diagnostic.code}\n{text}".encode(errors="backslashreplace")
        fingerprint = hashlib.sha256(written).hexdigest()[:32]
        seen[fingerprint] += 1
        results.append(
            {
                "ruleId": diagnostic.code,
                "ruleIndex": index[diagnostic.code],
                "level": _LEVELS[diagnostic.severity],
                "message": {"text": text},
                "locations": [{"physicalLocation": _place(diagnostic.span)}],
                "partialFingerprints": {_FINGERPRINT: f"{fingerprint}:{seen[fingerprint]}"},
            }
        )
    return results


def _text(found: Diagnostic) -> str:
    """Return message and help. Viewers may show only the first sentence, so the message ends with a full stop."""
    return mask(f"{found.message.removesuffix('.')}.\n{found.help}" if found.help else found.message)


def _place(span: Span) -> dict[str, object]:
    return {
        "artifactLocation": {"uri": _uri(span.path)},
        "region": {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        },
    }


def _uri(path: str) -> str:
    """Return a relative reference for a relative path, else a `file:` URI; a path may hold bytes that are no text."""
    drive = re.match(r"[A-Za-z]:(?=/)", path)
    if drive:
        return f"file:///{drive[0]}{quote(path[2:], errors='surrogateescape')}"
    return ("file://" if path.startswith("/") else "") + quote(path, errors="surrogateescape")
