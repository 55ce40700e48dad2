"""The guides for files of other tools show what `modelgen import` writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from modelgen.cli.app import cli

if TYPE_CHECKING:
    from _pytest.monkeypatch import MonkeyPatch

GUIDES = Path(__file__).parent.parent.parent / "docs" / "guides"


@pytest.mark.parametrize("name", ["coming-from-compose", "coming-from-llama-swap"])
def test_the_shown_file_is_imported(name: str, tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    page = (GUIDES / f"{name}.md").read_text()
    before = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    after = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[-1]
    command = re.findall(r"^modelgen (import .*)$", page, re.MULTILINE)[0].replace('"', "").split(" ", 3)
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path / "models")
    Path(command[1]).write_text(before)
    found = CliRunner().invoke(cli, [*command, "--out", "-"], standalone_mode=False)
    assert (found.return_value, found.stdout) == (0, after)
