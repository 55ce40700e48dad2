"""Record with coverage.py which tests run which line, as a plugin of pytest, and read the record.

COVERING_TESTS=record.db pytest -p covering_tests --numprocesses=0
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import coverage

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

RECORD = "COVERING_TESTS"
_recorder = coverage.Coverage(
    data_file=os.environ.get(RECORD), source=["compiler/modelgen", "compiler/modelgen_runtime"], config_file=False
)
_IS_ON = RECORD in os.environ  # the tests remove variables that they do not know
if _IS_ON:
    _recorder.start()  # before the code is imported: lines that run once, on import, are recorded without a test


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin the record of a test."""
    if _IS_ON:
        _recorder.switch_context(item.nodeid)


def pytest_unconfigure() -> None:
    """Write the record."""
    if _IS_ON:
        _recorder.stop()
        _recorder.save()


class Record:
    """The tests of each line.

    The record belongs to the tree that it was made in: paths are relative to that tree.
    """

    def __init__(self, file: Path, tree: Path) -> None:
        self._data = coverage.CoverageData(str(file))
        self._data.read()
        self._tree = tree
        self._lines: dict[str, dict[int, list[str]]] = {}
        #: How much code a test runs. A test of few files says most about each.
        self._sizes = Counter(test for path in self._data.measured_files() for test in self._all(self._read(path)))

    def covering(self, path: str, line: int) -> list[str]:
        """Return the tests that run this line, those that run the fewest files first.

        A line that runs on import only (a constant, a default) is covered by the tests of the rest of its file.
        """
        lines = self._read(str(self._tree / path))
        tests = {test for test in lines.get(line, []) if test} or self._all(lines)
        return sorted(tests, key=lambda test: (self._sizes[test], test))

    def _read(self, path: str) -> dict[int, list[str]]:
        if path not in self._lines:
            self._lines[path] = self._data.contexts_by_lineno(path)
        return self._lines[path]

    @staticmethod
    def _all(lines: dict[int, list[str]]) -> set[str]:
        return {test for tests in lines.values() for test in tests if test}
