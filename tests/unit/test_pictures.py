"""The pictures of the documentation: from real output, current, and without a request to another host."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

ASSETS = REPOSITORY / "docs/assets"


@pytest.mark.skipif(sys.platform == "win32", reason="the tool needs a pseudo-terminal")
def test_the_terminal_shows_what_modelgen_prints(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, REPOSITORY / "tools/terminal_picture.py", tmp_path / "now.svg"]
    subprocess.run([*command, "mistake", "--", "modelgen", "validate"], check=True)
    assert (tmp_path / "now.svg").read_text("utf-8") == (ASSETS / "validate.svg").read_text("utf-8")


@pytest.mark.parametrize("picture", sorted(ASSETS.glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_loads_nothing(picture: Path) -> None:
    text = picture.read_text("utf-8")
    assert "url(http" not in text
    assert 'url("http' not in text
    assert "href=" not in text.replace('href="#', "")
