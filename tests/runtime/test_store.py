"""What outlives the orchestrator: read back as it was written, and a disk that takes nothing stops nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.supervision.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_saved_is_loaded_by_the_next(tmp_path: Path) -> None:
    assert Store(tmp_path / "state").load() is None
    Store(tmp_path / "state").save(["a", "b"], {})
    assert Store(tmp_path / "state").load() == ["a", "b"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '{"wanted": "a"}', '{"wanted": [1]}', "\udcff"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "wanted.json").write_text(text, errors="surrogateescape")
    assert Store(tmp_path).load() is None


def test_a_disk_that_takes_nothing_is_told_once_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    store.save(["a"], {})
    (tmp_path / "wanted.json.new").mkdir()  # a file cannot be written there, by nobody
    store.save(["b"], {})
    store.save(["c"], {})
    [record] = caplog.records
    assert "cannot be written (Is a directory): a restart will not bring back what runs" in record.getMessage()
    assert json.loads((tmp_path / "wanted.json").read_text()) == {"wanted": ["a"], "starts": {}}
    (tmp_path / "wanted.json.new").rmdir()
    store.save(["c"], {})
    assert Store(tmp_path).load() == ["c"]
