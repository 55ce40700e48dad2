"""Define a finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "note", "warning", "bad", "unknown"]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        subject: The heading under which it is shown.
        state: `bad` prevents a model from serving; a `warning` may do so later; a `note` never does; `unknown` could
            not be checked.
        message: The result, in one sentence.
        help: The command, or the line of models.toml, that fixes it; empty if there is nothing to fix.
    """

    subject: str
    state: State
    message: str
    help: str = ""
