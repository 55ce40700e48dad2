"""Failures of many repositories by their cause: a dead host is one message, and not three hundred."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.files import ModelgenError
    from modelgen.lockfile.wants import Want

_COMMIT = re.compile(r"\b[0-9a-f]{12,40}\b")


class Cause(NamedTuple):
    """A cause with all that it made fail.

    Args:
        text: One sentence, which names every model.
        wants: What could not be looked up.
        exit_code: See `ModelgenError`.
    """

    text: str
    wants: tuple[Want, ...]
    exit_code: int


def by_cause(faults: Mapping[Want, ModelgenError]) -> list[Cause]:
    """Return the causes in the order in which they appeared first."""
    groups: dict[tuple[int, str], list[Want]] = {}
    for want, error in faults.items():
        groups.setdefault((error.exit_code, _reason(want, str(error))), []).append(want)
    return [Cause(_sentence(str(faults[wants[0]]), wants), tuple(wants), code) for (code, _), wants in groups.items()]


def _reason(want: Want, text: str) -> str:
    """Return a sentence without what differs from one repository to the next: model, repository, file, commit."""
    for model in want.models:
        text = text.removeprefix(f"{model}: ")
        text = re.sub(rf"(`[^`]*) {re.escape(model)}(?=[ `])", r"\1 MODEL", text)
    text = text.replace(want.repo, "REPO")
    return _COMMIT.sub("COMMIT", re.sub(r"^REPO \([^)]*\)", "REPO", text))


def _sentence(first: str, wants: list[Want]) -> str:
    _, *others = dict.fromkeys(f"{', '.join(want.models)}: {want.repo}" for want in wants)
    if not others:
        return first
    verb = "fails" if len(others) == 1 else "fail"
    return f"{first} ({len(others)} more {verb} for the same reason: {'; '.join(others)})"
