"""The table of known failures, one row each, the most specific first, causes before consequences.

Every line of a log, which may contain any text, is searched for every pattern. So a pattern consists of literal text,
alternatives, bounded digits and at most one bounded repetition of any character, which is fast on every line. A test
enforces this.
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
"""Messages of engines and Docker at a failure."""
ANSWERS = (*answers.SAYINGS, *CAUSES)
"""Messages in the answers of ready engines."""
CONSEQUENCES = consequences.SAYINGS
"""Messages that count only if no cause was printed."""

__all__ = ["ANSWERS", "CAUSES", "CONSEQUENCES", "EXITS", "NOT_OWN_LIMIT", "OWN_LIMIT", "ExitRow", "Saying"]
