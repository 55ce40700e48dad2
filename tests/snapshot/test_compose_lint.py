"""compose-lint, a linter of Compose files for security, over every snapshot: each finding is explained in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from compose_lint.engine import run_rules
from compose_lint.parser import load_compose

from compiling import REPOSITORY

SNAPSHOTS = sorted((Path(__file__).parent / "__snapshots__/test_snapshots").glob("*.yml"))
PAGE = (REPOSITORY / "docs/guides/security.md").read_text(encoding="utf-8")
OWN = ("orchestrator", "socket-proxy")


def findings(path: Path) -> set[tuple[str, str]]:
    """Return the rules that find something, each with the part of the deployment: `engine` for all models."""
    data, lines = load_compose(path)
    found = run_rules(data, lines)
    return {(one.rule_id, one.service if one.service in OWN else "engine") for one in found}


def explained() -> set[tuple[str, str]]:
    """Return the findings that the page explains: a row of its table has a rule and the parts that it is about."""
    rows = re.findall(r"^\| (CL-\d{4}) \| ([a-z, -]+) \|", PAGE, re.MULTILINE)
    return {(rule, part.replace(" ", "-")) for rule, parts in rows for part in parts.split(", ")}


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_every_finding_is_explained(path: Path) -> None:
    assert findings(path) <= explained()


def test_nothing_is_explained_that_is_no_longer_found() -> None:
    assert explained() == {one for path in SNAPSHOTS for one in findings(path)}
