"""Combine the results of the program `inside` with those of modelgen's own table.

The program's output is not trusted: code of a repository may have run beside it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, get_args

from modelgen.hub.loading.configs import CONFIG, PROCESSORS
from modelgen.hub.loading.findings import Finding, LookUp
from modelgen.hub.loading.modules import MODULES
from modelgen.hub.loading.tokenizer import FAST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.hub.loading.plan import Plan

MOST = 4 * 2**20
"""Maximum size of an answer in bytes."""
_LONGEST = 600
_NAMES: tuple[str, ...] = get_args(LookUp)
# If an engine finds a file, the table is wrong; but vLLM uses another pooling in place of a missing module, and starts
# without shards that an index names.
_OVERRULE = ("config", "tokenizer", "processor", "weights", "chat-template")
_FILES: Mapping[str, str] = {
    "config": CONFIG,
    "tokenizer": FAST,
    "processor": PROCESSORS[0],
    "modules": MODULES,
    "weights": "*.safetensors",
}
# Errors of transformers for a missing or damaged file. Other errors may come from its release, which may differ from
# the engine's.
_OF_FILES = re.compile(
    r"(OSError|FileNotFoundError|EnvironmentError|LocalEntryNotFoundError|IncompleteSnapshotError|JSONDecodeError"
    r"|(Remote)?EntryNotFoundError)\b|.*instantiate the backend tokenizer"
)


@dataclass(frozen=True)
class Answer:
    """The program's answer for one model.

    Args:
        passed: Look-ups that succeeded.
        failed: The other look-ups, with their errors.
    """

    passed: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)


def read_answers(data: bytes, models: Iterable[str]) -> dict[str, Answer] | None:
    """Return the answers for some models; None if they do not have the program's format."""
    try:
        document = json.loads(data) if len(data) <= MOST else None
    except (ValueError, RecursionError):
        return None
    printed = document.get("models") if isinstance(document, dict) else None
    if not isinstance(printed, dict):
        return None
    found = {name: _answer(printed.get(name)) for name in models}
    answers = {name: answer for name, answer in found.items() if answer is not None}
    return answers if len(answers) == len(found) else None


def read_unimported(data: bytes) -> str:
    """Return the import that failed, so that nothing could be looked up; empty if none did."""
    try:
        document = json.loads(data) if len(data) <= MOST else None
    except (ValueError, RecursionError):
        return ""
    module = document.get("unimported") if isinstance(document, dict) else None
    return module[:_LONGEST] if isinstance(module, str) else ""


def _answer(printed: object) -> Answer | None:
    if not isinstance(printed, dict):
        return None
    passed, failed = printed.get("passed"), printed.get("failed")
    if not isinstance(passed, list) or not isinstance(failed, dict):
        return None
    return Answer(
        frozenset(name for name in passed if isinstance(name, str) and name in _NAMES),
        {name: str(error)[:_LONGEST] for name, error in failed.items() if name in _NAMES},
    )


def of_files(answer: Answer) -> Answer:
    """Return the part of an answer of the host's transformers that is about files."""
    return replace(answer, failed={name: said for name, said in answer.failed.items() if _OF_FILES.match(said)})


def join(findings: Iterable[Finding], answer: Answer, plan: Plan, source: str) -> list[Finding]:
    """Return the findings of the table, corrected by the program's answers.

    Args:
        findings: The findings of the table.
        answer: The answer.
        plan: The look-ups of the model.
        source: The name of the engine or library that answered.
    """
    overruled = answer.passed.intersection(_OVERRULE) - answer.failed.keys()
    joined = [found for found in findings if found.look_up not in overruled]
    for name, error in answer.failed.items():
        said = f"{source} reports: {error}"
        same = [number for number, found in enumerate(joined) if found.look_up == name and found.is_wrong]
        if same:
            joined[same[0]] = replace(joined[same[0]], said=said)
        else:
            joined.append(_from_engine(name, said, plan))
    return joined


def _from_engine(name: str, said: str, plan: Plan) -> Finding:
    entry = plan.tokenizer if name == "tokenizer" and plan.tokenizer else plan.own
    help_ = (
        f"run `modelgen verify`, which reads every file; if it finds nothing, the engine cannot load it: choose "
        f"another `revision`, or run `modelgen lock --upgrade {plan.model}`"
    )
    look_up: LookUp = next(known for known in get_args(LookUp) if known == name)
    return Finding(plan.model, look_up, entry.repo, _FILES.get(name, ""), "does not load", help_, said=said)
