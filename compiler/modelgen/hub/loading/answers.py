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
"""Bytes of an answer."""
_LONGEST = 600
_NAMES: tuple[str, ...] = get_args(LookUp)
# Where an engine found what it wants, the table is wrong; but vLLM takes another pooling in place of a missing module,
# and starts without the shards that an index names.
_OVERRULE = ("config", "tokenizer", "processor", "weights", "chat-template")
_FILES: Mapping[str, str] = {
    "config": CONFIG,
    "tokenizer": FAST,
    "processor": PROCESSORS[0],
    "modules": MODULES,
    "weights": "*.safetensors",
}
# What transformers raises where a file is missing or damaged. All else may come from its release, which need not be
# that of the engine.
_OF_FILES = re.compile(
    r"(OSError|FileNotFoundError|EnvironmentError|LocalEntryNotFoundError|IncompleteSnapshotError|JSONDecodeError"
    r"|(Remote)?EntryNotFoundError)\b|.*instantiate the backend tokenizer"
)


@dataclass(frozen=True)
class Answer:
    """What the program says of one model.

    Args:
        passed: Look-ups that went well.
        failed: The others, with an error each.
    """

    passed: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)


def read_answers(data: bytes, models: Iterable[str]) -> dict[str, Answer] | None:
    """Return the answers on some models; None where they are not what the program writes."""
    try:
        document = json.loads(data) if len(data) <= MOST else None
    except (ValueError, RecursionError):
        return None
    told = document.get("models") if isinstance(document, dict) else None
    if not isinstance(told, dict):
        return None
    found = {name: _answer(told.get(name)) for name in models}
    answers = {name: answer for name, answer in found.items() if answer is not None}
    return answers if len(answers) == len(found) else None


def read_unimported(data: bytes) -> str:
    """Return which import failed, so that nothing could be looked up; empty where none did."""
    try:
        document = json.loads(data) if len(data) <= MOST else None
    except (ValueError, RecursionError):
        return ""
    told = document.get("unimported") if isinstance(document, dict) else None
    return told[:_LONGEST] if isinstance(told, str) else ""


def _answer(told: object) -> Answer | None:
    if not isinstance(told, dict):
        return None
    passed, failed = told.get("passed"), told.get("failed")
    if not isinstance(passed, list) or not isinstance(failed, dict):
        return None
    return Answer(
        frozenset(name for name in passed if isinstance(name, str) and name in _NAMES),
        {name: str(error)[:_LONGEST] for name, error in failed.items() if name in _NAMES},
    )


def of_files(answer: Answer) -> Answer:
    """Return what an answer of the host's transformers says of files."""
    return replace(answer, failed={name: said for name, said in answer.failed.items() if _OF_FILES.match(said)})


def join(findings: Iterable[Finding], answer: Answer, plan: Plan, who: str) -> list[Finding]:
    """Return the findings of the table, corrected by those who really looked.

    Args:
        findings: Of the table.
        answer: See there.
        plan: The look-ups of the model.
        who: Who answered.
    """
    overruled = answer.passed.intersection(_OVERRULE) - answer.failed.keys()
    joined = [found for found in findings if found.look_up not in overruled]
    for name, error in answer.failed.items():
        said = f"{who} says: {error}"
        same = [number for number, found in enumerate(joined) if found.look_up == name and found.is_wrong]
        if same:
            joined[same[0]] = replace(joined[same[0]], said=said)
        else:
            joined.append(_from_engine(name, said, plan))
    return joined


def _from_engine(name: str, said: str, plan: Plan) -> Finding:
    entry = plan.tokenizer if name == "tokenizer" and plan.tokenizer else plan.own
    help_ = (
        f"run `modelgen verify`, which reads every file; if all are right, the engine cannot load this commit: take "
        f"another by `revision`, or by `modelgen lock --upgrade {plan.model}`"
    )
    look_up: LookUp = next(known for known in get_args(LookUp) if known == name)
    return Finding(plan.model, look_up, entry.repo, _FILES.get(name, ""), "does not load", help_, said=said)
