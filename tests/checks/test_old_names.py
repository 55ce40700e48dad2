"""Every name from before 0.1.0 is refused at its place, with the name that replaced it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compiling import complete, findings
from modelgen.config import Defaults, Model, Orchestrator, old_names
from modelgen.diagnostics import all_rules

if TYPE_CHECKING:
    from pydantic import BaseModel

MODEL = '[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n'
TABLES: dict[str, type[BaseModel]] = {"models.qwen": Model, "defaults": Defaults, "orchestrator": Orchestrator}
OLD_KEYS = [
    (table, old, new)
    for table, kind in TABLES.items()
    for old, new in old_names.KEYS.items()
    if new in kind.model_fields
]
OLD_VALUES = [
    (table, key, old) for table, kind in TABLES.items() for key, old in old_names.VALUES if key in kind.model_fields
]


def written(table: str, line: str) -> str:
    return complete(f"{MODEL}{line}\n" if table == "models.qwen" else f"{MODEL}[{table}]\n{line}\n")


def test_each_old_key_was_allowed_somewhere() -> None:
    assert {old for _, old, _ in OLD_KEYS} == old_names.KEYS.keys()


@pytest.mark.parametrize(("table", "old", "new"), OLD_KEYS)
def test_an_old_key_is_refused_where_it_stands(table: str, old: str, new: str) -> None:
    text = written(table, f"{old} = true")
    [found] = findings(text)
    assert (found.code, found.rule) == ("MG017", "old-name")
    changed = old_names.VALUES.get((new, "true"))
    assert (found.message, found.help) == (
        f"`{old}` was renamed",
        f'write `{new} = "{changed}"`' if changed else f"write `{new}`",
    )
    assert text.splitlines()[found.span.line - 1] == f"{old} = true"


@pytest.mark.parametrize(("table", "key", "old"), OLD_VALUES)
def test_an_old_value_is_refused_where_it_stands(table: str, key: str, old: str) -> None:
    line = f"{key} = {old}" if old in ("true", "false") else f'{key} = "{old}"'
    text = written(table, line)
    [found] = findings(text)
    assert (found.rule, found.help) == ("old-name", f'write `{key} = "{old_names.VALUES[key, old]}"`')
    assert text.splitlines()[found.span.line - 1] == line


def test_an_old_key_with_an_old_value_is_answered_with_the_whole_line() -> None:
    [found] = findings(written("models.qwen", 'model_form = "snapshot"'))
    assert found.help == 'write `model_arg = "path"`'


@pytest.mark.parametrize(("old", "new"), old_names.RULES.items())
def test_an_old_rule_is_refused_where_it_stands(old: str, new: str) -> None:
    text = complete(f'{MODEL}[rules]\nunpinned-repo = "off"\n{old} = "warning"\n')
    [found] = findings(text)
    assert (found.rule, found.help) == ("old-name", f"write `{new}`")
    assert text.splitlines()[found.span.line - 1] == f'{old} = "warning"'
    assert new in {rule.name for rule in all_rules()}


def test_an_old_key_in_another_table_is_an_unknown_key() -> None:
    [found] = findings(complete(f'{MODEL}[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\nheartbeat = true\n'))
    assert found.rule == "unknown-key"
