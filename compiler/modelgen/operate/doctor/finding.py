"""Define a finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        subject: Under which heading it is shown.
        state: `bad` keeps a model from serving; a `warning` may, later; `unknown` could not be looked at.
        message: What is the case, in one sentence.
        help: The command, or the line of models.toml, that mends it; empty where nothing is to be mended.
    """

    subject: str
    state: State
    message: str
    help: str = ""
