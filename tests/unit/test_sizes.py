"""Sizes have one unit: GB for files, as the hub shows them, and GiB for memory, as cards have it."""

from __future__ import annotations

import re

import pytest

from compiling import REPOSITORY
from modelgen.sizes import of_files, of_memory


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (20_008, "20,008 bytes"),
        (999_999, "999,999 bytes"),
        (1_000_000, "1.0 MB"),
        (8_060_917_568, "8.1 GB"),
        (1_500_000_000_000, "1.5 TB"),
    ],
)
def test_files(size: int, text: str) -> None:
    assert of_files(size) == text


@pytest.mark.parametrize(
    ("size", "text"), [(24 * 2**30, "24 GiB"), (int(22.8 * 2**30), "22.8 GiB"), (245.76 * 2**20, "245.76 MiB")]
)
def test_memory(size: float, text: str) -> None:
    assert of_memory(size) == text


ELSEWHERE = ("sizes.py", "operate/doctor/", "targets/", "config/units.py", "cli/configuration/machine.py")
"""The last and the doctor write values of models.toml."""


@pytest.mark.parametrize("pattern", [r"/ ?1e9", r"/ ?2\*\*30", r"/ ?10\*\*9", r"/ ?_GIB"])
def test_nothing_else_writes_sizes(pattern: str) -> None:
    root = REPOSITORY / "compiler/modelgen"
    found = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(pattern, path.read_text("utf-8")) and not path.relative_to(root).as_posix().startswith(ELSEWHERE)
    ]
    assert found == []
