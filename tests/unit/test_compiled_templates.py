"""Compiled templates are kept beside the templates, and a build never depends on them."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from modelgen.targets import places, templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    copy = tmp_path / "templates"
    shutil.copytree(places.TEMPLATES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(templates, "TEMPLATES", copy)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield copy
    copy.chmod(0o755)


def render() -> str:
    templates.environment.cache_clear()
    return templates.render_template("socket-proxy/haproxy.cfg", str, containers=["one"])


def test_a_second_start_reads_the_compiled_template(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = render()
    assert len(list((folder / "__pycache__").glob("*.jinja"))) == 1
    monkeypatch.setattr("jinja2.Environment.compile", None)
    assert render() == first


def test_a_changed_template_is_compiled_again(folder: Path) -> None:
    render()
    (folder / "socket-proxy/haproxy.cfg.j2").write_text("changed")
    assert render() == "changed"


@pytest.mark.parametrize("damage", [b"", b"j2", b"\0" * 4000])
def test_a_damaged_file_is_compiled_again(folder: Path, damage: bytes) -> None:
    first = render()
    (written,) = (folder / "__pycache__").glob("*.jinja")
    written.write_bytes(damage)
    assert render() == first


def test_nothing_is_written_when_python_writes_no_bytecode(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert render()
    assert not (folder / "__pycache__").exists()


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file in its place")
    assert render()
