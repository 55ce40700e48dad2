"""The fixture `hub`: one double for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub_double.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double.hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub without content, which clients reach through `hub.environment` in a process of their own."""
    with serve(home=tmp_path / "hf-home") as hub:
        yield hub
