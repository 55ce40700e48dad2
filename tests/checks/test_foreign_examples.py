"""The manual of every rule about Compose files is its test: Bad gives exactly that rule, Good gives none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelgen.checks import foreign
from modelgen.checks.all_checks import CHECKS
from modelgen.cli.configuration.manual import load_rules
from modelgen.foreign import read_files
from modelgen.lift.machine import read_machine
from modelgen.linting import lint

if TYPE_CHECKING:
    from modelgen.diagnostics import Rule

RULES = [rule for rule in load_rules() if rule.is_foreign]


def codes(text: str, host: str) -> set[str]:
    machine, _, _ = read_machine(host.encode(), "host.toml") if host else (None, None, None)
    return {
        found.code for found in lint(read_files([("docker-compose.yml", text.encode())]), machine=machine).diagnostics
    }


def examples(kind: str) -> list[object]:
    return [pytest.param(rule, text, host, id=rule.name) for rule in RULES for host, text in rule.files(kind)]


@pytest.mark.parametrize(("rule", "text", "host"), examples("Bad"))
def test_bad_file_gives_exactly_its_rule(rule: Rule[...], text: str, host: str) -> None:
    assert codes(text, host) == {rule.code}


@pytest.mark.parametrize(("rule", "text", "host"), examples("Good"))
def test_good_file_gives_nothing(rule: Rule[...], text: str, host: str) -> None:
    assert codes(text, host) == set(), rule.name


def test_each_rule_is_about_one_kind_of_file() -> None:
    assert set(foreign.ENGINE_TRUTHS) <= set(CHECKS)
    assert not set(foreign.CHECKS) & set(CHECKS)
    assert set(foreign.HARMLESS) <= set(foreign.ENGINE_TRUTHS)
