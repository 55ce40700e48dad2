"""The hub directory near a path that is one level off, also before the first download."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelgen.hub_root import find_root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("folders", "hub", "root"),
    [
        (["models/hub/models--a--b"], "models", "models/hub"),
        (["models/hub"], "models", "models/hub"),
        (["models/hub"], "models/hub", None),
        (["models"], "models", None),
        (["models/models--a--b", "models/hub"], "models", None),
        (["models/models--a--b", "models/hub"], "models/hub", "models"),
        ([], "models", None),
    ],
)
def test_the_directory_that_is_meant(tmp_path: Path, folders: list[str], hub: str, root: str | None) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    assert find_root(tmp_path / hub) == (None if root is None else tmp_path / root)
