"""`modelgen fetch` against `hf download`, both through olah, a real mirror. Prints ratios; never fails on time.

The run that does not count fills the mirror's own cache; seconds of the mirror's processor are on no side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from measure import compare
from test_hub_bench import bench, shards, small_files

import olah_mirror

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("_network")]


@pytest.fixture
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard against connections is for tests; here the double is asked for commits."""
    monkeypatch.undo()


def test_through_a_mirror(tmp_path: Path, install: Callable[[str], Path]) -> None:
    shards(tmp_path / "served/org/model", 4, 120)
    small_files(tmp_path / "served/org/small", 20)
    olah = install(olah_mirror.REQUIREMENT)
    with (
        bench(tmp_path) as both,
        olah_mirror.serve(olah, both.endpoint, both.endpoint, tmp_path / "olah", both.environment) as mirror,
    ):
        compare(
            "480 MB in 4 shards and 20 small files through olah, without Xet: modelgen fetch / hf download",
            both.command("fetch"),
            both.download("org/model", "org/small"),
            runs=3,
            environment={**both.environment, "HF_ENDPOINT": mirror},
            before=both.empty,
        )
