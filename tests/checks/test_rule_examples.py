"""The manual of every rule is its test: each Bad example gives exactly that rule, each Good example none."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from compiling import findings
from modelgen.cli.app import cli
from modelgen.cli.configuration.manual import load_rules
from modelgen.diagnostics.examples import HEAD, complete
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from modelgen.diagnostics import Rule

RULES = load_rules()
WHOLE = tomllib.loads(HEAD)
# TOML cannot show these; test_bad_files.py and test_lockfile.py have their tests.
WITHOUT_EXAMPLES = {"not-utf8", "file-too-large", "nested-too-deep", "bad-lock", "newer-lock", "bad-measured"} | {
    "replaced-file-entry"
}


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
    compilation = compile_source(toml.encode(), None if lock is None else lock.encode())
    assert [diagnostic.message for diagnostic in compilation.diagnostics] == [], rule.name
    assert not compilation.failed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_has_a_manual(rule: Rule[...]) -> None:
    assert rule.summary.endswith(".")
    assert "\n## Why\n" in rule.manual
    assert rule.manual.count("```") % 2 == 0, "each example is opened and closed"
    for kind in ("Bad", "Good"):
        assert bool(rule.examples(kind) or rule.files(kind)) != (rule.name in WITHOUT_EXAMPLES)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("[host]\narch = 'arm64'\n", {"host": {"arch": "arm64"}}),
        ("[models.qwen]\nrevision = 'x'\n", {"models": {"qwen": WHOLE["models"]["qwen"] | {"revision": "x"}}}),
        ("[models.qwen]\nengine = 'tei'\n", {"models": {"qwen": {"engine": "tei"}}}),
        ("[models.one]\nrepo = 'a/b'\n", {"models": {"one": {"repo": "a/b"}}}),
        ("[rules]\nunpinned-repo = 'error'\n", {"rules": WHOLE["rules"] | {"unpinned-repo": "error"}}),
        ("gpus = {}\n", {"gpus": {}}),
    ],
)
def test_an_example_is_completed_from_the_head(example: str, expected: dict[str, Any]) -> None:
    assert tomllib.loads(complete(example)) == WHOLE | expected


def test_explain_shows_the_rest_of_the_file_once() -> None:
    shown = CliRunner().invoke(cli, ["explain", "port-collision"]).output
    assert shown.count(HEAD) == 1
    assert HEAD not in CliRunner().invoke(cli, ["explain", "not-utf8"]).output
