"""docs/failures/: a page for each known failure, titled with a line that was printed."""

from __future__ import annotations

import re

import pytest

from modelgen.cli.configuration.manual import load_rules
from modelgen_runtime.failures.known import ANSWERS, CONSEQUENCES, EXITS, OWN_LIMIT
from modelgen_runtime.failures.known.docker import SAYINGS as OF_DOCKER
from modelgen_runtime.failures.known.memory import SAYINGS as OF_MEMORY
from written_pages.failures import write_all
from written_pages.known_failures import KnownFailure, explains, known_failures, table, title

PAGES = write_all()
NAMES = {row.name for row in (*ANSWERS, *CONSEQUENCES, *EXITS, OWN_LIMIT)}
KEYS = {"lines", "prevented_by"}


def test_every_known_failure_has_a_page_and_is_in_the_index() -> None:
    assert set(table()) == NAMES
    assert set(PAGES) == {"failures/index.md", *(f"failures/{name}.md" for name in NAMES)}
    index = PAGES["failures/index.md"]
    assert sorted(re.findall(r"\]\(([a-z0-9-]+)\.md\)", index)) == sorted(NAMES)


def test_rows_have_known_keys_and_rules() -> None:
    rules = {rule.name for rule in load_rules()}
    for name, row in table().items():
        assert set(row) <= KEYS, name
        assert row["lines"], name
        assert set(row.get("prevented_by", ())) <= rules, name


def test_no_two_pages_have_the_same_title() -> None:
    titles = [failure.title for failure in known_failures()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("failure", known_failures(), ids=lambda failure: failure.name)
def test_a_page_has_the_line_its_cause_and_what_to_do(failure: KnownFailure) -> None:
    page = PAGES[f"failures/{failure.name}.md"]
    heading = next(line for line in page.splitlines() if line.startswith("# "))
    assert failure.title in heading
    assert len(failure.title) <= 200
    for case in failure.cases:
        assert all(f"\n{line}\n" in page for _, line in case.lines)
        assert explains(case.row, *case.lines[0]) or case.row is OWN_LIMIT
        assert title(case.lines[0][1], case.row) in case.lines[0][1]
    assert page.count("**Cause**: ") == page.count("**What to do**: ") == len(failure.cases)
    for rule in failure.rules:
        assert f"-{rule})" in page


@pytest.mark.parametrize(
    ("line", "row", "shown"),
    [
        ("Error: no such container", OF_DOCKER[0], "Error: no such container"),
        (
            "(EngineCore pid=1) ERROR 09-16 17:46:22 [core.py:718] UVA is not available",
            OF_MEMORY[0],
            "UVA is not available",
        ),
        (
            f'{"long: " * 30}failed (e.g. here): could not select device driver "nvidia". {"And more. " * 20}',
            OF_DOCKER[0],
            f'{"long: " * 15}failed (e.g. here): could not select device driver "nvidia"',
        ),
    ],
)
def test_a_title_is_the_part_of_the_line_that_counts(line: str, row: object, shown: str) -> None:
    assert title(line, row) == shown  # type: ignore[arg-type]
