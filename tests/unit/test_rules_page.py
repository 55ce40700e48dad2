"""docs/rules.md: what it says of each pitfall is so."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from compiling import REPOSITORY
from modelgen.cli.configuration.manual import load_rules
from written_pages import rules as rules_page

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SNAPSHOTS = sorted((REPOSITORY / "tests/snapshot/__snapshots__").glob("*/*.yml"))
ANSWERS = {"rules", "emitted", "never", "reason"}
KEYS = {"seen", "evidence", "count"} | ANSWERS


def faults(rows: Sequence[dict[str, Any]], rules: Collection[str], outputs: Sequence[str]) -> list[str]:
    """Return what is wrong with the rows of a table of pitfalls.

    Args:
        rows: As read from pitfalls.toml.
        rules: The names of all rules.
        outputs: All emitted files.
    """
    found = []
    begins = {line.strip().removeprefix("- ") for output in outputs for line in output.splitlines()}
    for number, row in enumerate(rows):
        name = str(row.get("seen", number))
        found += [f"{name}: no key `{key}`" for key in row.keys() - KEYS]
        if not ANSWERS & {key for key, value in row.items() if value}:
            found.append(f"{name}: no answer")
        if not 0 < len(row.get("seen", "")) <= 100:
            found.append(f"{name}: not one line of at most 100 characters")
        found += [f"{name}: no rule `{rule}`" for rule in row.get("rules", ()) if rule not in rules]
        for text in row.get("emitted", ()):
            if not any(text in output for output in outputs):
                found.append(f"{name}: nowhere emitted: {text}")
        for text in row.get("never", ()):
            if any(line.startswith(text) for line in begins):
                found.append(f"{name}: emitted: {text}")
    seen = [row.get("seen") for row in rows]
    return found + [f"{name}: twice" for name in dict.fromkeys(seen) if seen.count(name) > 1]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"seen": "x"}, "x: no answer"),
        ({"seen": "x", "rules": [], "reason": ""}, "x: no answer"),
        ({"reason": "y"}, "0: not one line of at most 100 characters"),
        ({"seen": "x" * 101, "reason": "y"}, f"{'x' * 101}: not one line of at most 100 characters"),
        ({"seen": "x", "rules": ["no-such-rule"]}, "x: no rule `no-such-rule`"),
        ({"seen": "x", "emitted": ["ipc: host"]}, "x: nowhere emitted: ipc: host"),
        ({"seen": "x", "never": ["restart:"]}, "x: emitted: restart:"),
        ({"seen": "x", "reason": "y", "remark": "z"}, "x: no key `remark`"),
        ({"seen": "x", "rules": ["unpinned-repo"], "emitted": ['restart: "no"'], "never": ["ipc:"]}, None),
    ],
)
def test_a_bad_row_is_found(row: dict[str, Any], fault: str | None) -> None:
    assert faults([row], {"unpinned-repo"}, ['services:\n  # not `ipc:`\n  restart: "no"\n']) == (
        [fault] if fault else []
    )


def test_a_row_stands_once() -> None:
    row = {"seen": "x", "reason": "y"}
    assert faults([row, row], (), ()) == ["x: twice"]


@pytest.mark.parametrize(("table", "least"), [("known", 42), ("public", 51)])
def test_each_pitfall_has_an_answer_that_is_so(table: str, least: int) -> None:
    rows = tomllib.loads(rules_page.PITFALLS.read_text(encoding="utf-8"))[table]
    assert len(rows) >= least
    assert len(SNAPSHOTS) > 5
    outputs = [path.read_text(encoding="utf-8") for path in SNAPSHOTS]
    assert faults(rows, {rule.name for rule in load_rules()}, outputs) == []


def test_every_rule_and_every_row_is_on_the_page() -> None:
    page = rules_page.write()
    for rule in load_rules():
        assert f"\n### {rule.code} {rule.name}\n" in page
        assert rule.manual.partition("\n## ")[0] in page
    for rows in tomllib.loads(rules_page.PITFALLS.read_text(encoding="utf-8")).values():
        assert [row["seen"] for row in rows if f"\n| {row['seen'].replace('|', chr(92) + '|')}" not in page] == []
