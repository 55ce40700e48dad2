"""Every help line can be followed: what it says is written into the file, and the fault is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import test_engine_findings
import test_findings
import test_gguf_and_tei_findings

from compiling import complete, findings
from following import follow
from modelgen.cli.configuration.manual import load_rules

if TYPE_CHECKING:
    from modelgen.diagnostics import Diagnostic, Rule

_LOCK = "a command with the hub: tests/hub/test_lock_hints.py follows it"
_HOST = "a change of the host"
_CHOICE = "the reader chooses"
_UNKNOWN = "only the reader knows the value"
LEFT = {
    "invalid-toml": "not TOML, so no key can be changed",
    "huge-integer": _UNKNOWN,
    "bad-flags-file": _UNKNOWN,
    "literal-interpolation": _UNKNOWN,
    "newer-format": _HOST,
    "unpinned-repo": _LOCK,
    "missing-repo": _UNKNOWN,
    "literal-token": "a secret that must be changed elsewhere",
    "literal-secret": "a secret that must be changed elsewhere",
    "missing-file": _UNKNOWN,
    "unverified-flag": _UNKNOWN,
    "foreign-variable": _UNKNOWN,
    "value-of-another-version": _CHOICE,
    "lora-by-hand": _UNKNOWN,
    "gguf-repository": "several keys change together",
    "gguf-by-name": "several keys change together",
    "profile-over-card": _CHOICE,
    "needs-over-card": _CHOICE,
    "no-length-fits": _CHOICE,
    "mixed-cards": _CHOICE,
    "group-by-name": _HOST,
    "driver-below-image": _HOST,
    "docker-too-old": _HOST,
    "cdi-switched-off": _HOST,
    "host-memory": _CHOICE,
    "limits-over-host": _CHOICE,
    "cards-not-separable": "nothing in the file to change",
    "hub-on-windows-drive": _HOST,
    "uuid-on-wsl2": _UNKNOWN,
    "closed-cards": _HOST,
    "image-for-servers": _UNKNOWN,
    "image-for-unsupported": _UNKNOWN,
    "nothing-for-weights": _CHOICE,
    "index-of-unequal-cards": _UNKNOWN,
    "unequal-cards": _CHOICE,
    "cards-without-peers": "several keys change together",
    "name-collision": _CHOICE,
    "named-user": _UNKNOWN,
    "repo-not-locked": _LOCK,
    "no-snapshot": _LOCK,
    "id-offline": _LOCK,
    "heads-over-cards": "several keys change together",
    "weights-over-cards": "several keys change together",
    "asset-not-locked": _LOCK,
    "other-weights": _LOCK,
    "code-unknown": _LOCK,
    "facts-unknown": _LOCK,
    "package-not-in-image": _HOST,
    "audio-without-packages": _HOST,
    "audio-beside-text": _HOST,
    "tools-on-base-model": _CHOICE,
    "unsupported-adapter": _CHOICE,
    "adapter-of-another-base": _CHOICE,
    "adapter-part-ignored": _CHOICE,
    "missing-chat-template": _UNKNOWN,
    "gguf-without-template": _UNKNOWN,
    "tools-without-template": _UNKNOWN,
}
"""The rules whose help a program cannot follow, with the reason."""
NEEDS_A_VALUE = ("unknown-version", "bad-file")
"""Rules that name a value where they can, and else ask for one."""
SAID_BY_MESSAGE = {"bad-flag-value": ("long", "{method: ngram}")}
CASES = [*test_findings.CASES, *test_engine_findings.CASES, *test_gguf_and_tei_findings.CASES]


def examples() -> list[object]:
    return [
        pytest.param(rule, toml, lock, id=f"{rule.code}-{rule.name}-{number}")
        for rule in load_rules()
        for number, (toml, lock) in enumerate(rule.examples("Bad"))
    ]


@pytest.mark.parametrize(("rule", "toml", "lock"), examples())
def test_the_help_of_an_example_is_followed(rule: Rule[...], toml: str, lock: str | None) -> None:
    before = findings(toml, lock)
    [found, *_] = [one for one in before if one.code == rule.code]
    after = follow(toml, found)
    if rule.name in LEFT or any(f'"{value}"' in toml for value in SAID_BY_MESSAGE.get(rule.name, ())):
        assert after is None, f"{rule.name} can be followed: {found.help}"
        return
    assert after is not None, found.help
    left = findings(after, lock)
    assert rule.code not in {one.code for one in left}, f"{found.help}\n{after}"
    assert {one.rule for one in left if one.severity == "error"} <= allowed(before, after, left), (
        f"{found.help}\n{after}"
    )


@pytest.mark.parametrize(("fragment", "rule", "_offered"), CASES)
def test_the_help_of_a_case_is_followed(fragment: str, rule: str, _offered: str) -> None:
    toml = complete(fragment)
    before = findings(toml)
    for found in before:
        if found.rule == rule and (after := follow(toml, found)) is not None:
            left = findings(after)
            assert found.message not in [one.message for one in left if one.rule == rule], f"{found.help}\n{after}"
            assert errors(left) <= allowed(before, after, left), f"{found.help}\n{after}"


def errors(found: list[Diagnostic]) -> set[str]:
    return {one.rule for one in found if one.severity == "error"}


def allowed(before: list[Diagnostic], after: str, left: list[Diagnostic]) -> set[str]:
    """Return the rules whose errors may be left: those of before, those with help that leads on, those in LEFT."""
    leading_on = {one.rule for one in left if follow(after, one) is not None}
    return {one.rule for one in before} | leading_on | {*LEFT, *NEEDS_A_VALUE}
