"""The table of known failures, one row each, the most specific first: causes before what follows from them.

Patterns are searched for in every line of a log that may hold anything. So they consist of literal text, alternatives,
bounded digits and at most one bounded repetition of any character, which cannot take long, whatever the line; a test
holds them to that.
"""

from __future__ import annotations

from modelgen_runtime.failures.known import (
    adapters,
    answers,
    arguments,
    cards,
    consequences,
    docker,
    memory,
    models,
    system,
    weights,
)
from modelgen_runtime.failures.known.exits import EXITS, NOT_OWN_LIMIT, OWN_LIMIT
from modelgen_runtime.failures.known.saying import ExitRow, Saying

CAUSES = (
    *docker.SAYINGS,
    *arguments.SAYINGS,
    *adapters.SAYINGS,
    *models.SAYINGS,
    *weights.SAYINGS,
    *cards.SAYINGS,
    *memory.SAYINGS,
    *system.SAYINGS,
)
"""What engines and Docker say when they fail."""
ANSWERS = (*answers.SAYINGS, *CAUSES)
"""What engines that are ready answer."""
CONSEQUENCES = consequences.SAYINGS
"""What counts where no cause was printed."""

__all__ = ["ANSWERS", "CAUSES", "CONSEQUENCES", "EXITS", "NOT_OWN_LIMIT", "OWN_LIMIT", "ExitRow", "Saying"]
