"""The manual of every rule is its test: each Bad example gives exactly that rule, each Good example none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compiling import findings
from modelgen.cli.catalogue import load_rules

if TYPE_CHECKING:
    from modelgen.diagnostics import Rule

RULES = load_rules()
# TOML cannot show these; test_bad_files.py and test_lockfile.py have their tests.
WITHOUT_EXAMPLES = {"not-utf8", "file-too-large", "nested-too-deep", "bad-lock", "newer-lock"}


def examples(kind: str) -> list[object]:
    return [
        pytest.param(rule, toml, lock, id=f"{rule.code}-{rule.name}-{number}")
        for rule in RULES
        for number, (toml, lock) in enumerate(rule.examples(kind))
    ]


@pytest.mark.parametrize(("rule", "toml", "lock"), examples("Bad"))
def test_bad_example_fires_exactly_its_rule(rule: Rule[...], toml: str, lock: str | None) -> None:
    # A model cannot sleep yet, which is a finding beside that on what would keep it from sleeping.
    found = [finding for finding in findings(toml, lock) if (rule.code, finding.code) != ("MG228", "MG230")]
    assert {diagnostic.code for diagnostic in found} == {rule.code}
    assert {diagnostic.severity for diagnostic in found} == {rule.severity}


@pytest.mark.parametrize(("rule", "toml", "lock"), examples("Good"))
def test_good_example_fires_nothing(rule: Rule[...], toml: str, lock: str | None) -> None:
    assert [diagnostic.message for diagnostic in findings(toml, lock)] == [], rule.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_has_a_manual(rule: Rule[...]) -> None:
    assert rule.summary.endswith(".")
    assert "\n## Why\n" in rule.manual
    assert rule.manual.count("```") % 2 == 0, "each example is opened and closed"
    assert (not rule.examples("Bad")) == (rule.name in WITHOUT_EXAMPLES)
    assert (not rule.examples("Good")) == (rule.name in WITHOUT_EXAMPLES)
