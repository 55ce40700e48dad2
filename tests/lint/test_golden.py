"""Compose files after public forms: those that are right give no finding, and each error is found at its place."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from modelgen.foreign import read_files
from modelgen.linting import lint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.linting import Linted
    from modelgen.source import Span

HERE = Path(__file__).parent
NAME = "docker-compose.yml"
RIGHT = sorted(path.parent for path in HERE.glob(f"right/*/{NAME}"))
CHANGES = tomllib.loads((HERE / "changes.toml").read_text(encoding="utf-8"))["change"]
REFUSED = ("MG600", "MG607", "MG615")
"""The rules about what Compose refuses."""
SNAPSHOTS = sorted(HERE.parent.glob("snapshot/__snapshots__/*/*.yml"))


def linted(text: str) -> Linted:
    return lint(read_files([(NAME, text.encode())]))


def places(found: Linted) -> list[str]:
    return [f"{one.code} {one.span.line}:{one.span.column}" for one in found.diagnostics]


def text_at(text: str, found: Span) -> str:
    return text.split("\n")[found.line - 1][found.column - 1 : found.end_column - 1]


def test_there_are_enough() -> None:
    assert len(RIGHT) >= 30
    assert len(RIGHT) + len(CHANGES) >= 50
    assert all(folder.joinpath(NAME).read_text().startswith("# ") for folder in RIGHT), "each names its source"


@pytest.mark.parametrize("folder", RIGHT, ids=lambda folder: folder.name)
def test_what_is_right_is_silent(folder: Path) -> None:
    found = linted((folder / NAME).read_text())
    assert [one.message for one in found.diagnostics] == []
    assert not found.unrecognized
    assert bool(found.lifted) is (folder.name != "no-engine")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change['of']}-{' '.join(change['finds'])}")
def test_each_error_is_found_at_its_place(change: dict[str, Any]) -> None:
    text = (HERE / "right" / change["of"] / NAME).read_text()
    assert text.count(change["from"]) == 1
    assert places(linted(text.replace(change["from"], change["to"]))) == change["finds"]


def test_the_incident_has_two_errors_in_each_service() -> None:
    text = (HERE / "incident" / NAME).read_text()
    found = linted(text)
    assert places(found) == [
        *("MG601 18:9", "MG603 22:9", "MG601 26:15", "MG603 29:9", "MG601 33:26", "MG603 35:9"),
    ]
    assert {one.severity for one in found.diagnostics} == {"error"}
    repos = ["Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen3-VL-4B-Instruct", "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ"]
    for number, one in enumerate(found.diagnostics):
        assert f"`{repos[number // 2]}`" in one.help
    paths = [text_at(text, one.span).strip('"') for one in found.diagnostics[::2]]
    assert [path.rpartition("/")[2].replace("--", "/") for path in paths] == repos


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_what_modelgen_writes_is_silent(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.startswith("services:") or "\nservices:" in text:
        assert [one.message for one in linted(text).diagnostics if one.rule not in ("moving-tag", "open-port")] == []


def every_text() -> Iterator[tuple[str, str, list[str]]]:
    """Yield the name, the text and the findings of each file, also of those with one change."""
    for folder in [*RIGHT, HERE / "incident"]:
        yield folder.name, (folder / NAME).read_text(), []
    for change in CHANGES:
        text = (HERE / "right" / change["of"] / NAME).read_text()
        yield f"{change['of']}: {change['to']}", text.replace(change["from"], change["to"]), change["finds"]


@pytest.mark.slow
def test_the_command_lines_are_those_of_compose(tmp_path: Path) -> None:
    """What Compose refuses has a finding that says so; of all else, it has the same words."""
    compose = pytest.importorskip("compose").__path__[0] + "/docker-compose"
    for title, text, finds in every_text():
        (tmp_path / NAME).write_text(text)
        done = subprocess.run(
            [compose, "-f", tmp_path / NAME, "--profile", "*", "config", "--format", "json"],
            env={"HF_TOKEN": "", "HOME": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        is_refused = any(found.startswith(REFUSED) for found in finds)
        assert (done.returncode != 0) is is_refused, (title, done.stderr)
        if is_refused:
            continue
        services = json.loads(done.stdout)["services"]
        found = linted(text)
        assert {*found.foreign.services} == {*services}, title
        for name, service in found.foreign.services.items():
            for key, words in (("command", service.command), ("entrypoint", service.entrypoint)):
                theirs = [re.sub(r"\$\$", "$", word) for word in services[name].get(key) or ()]
                assert [word.text for word in words or ()] == theirs, (title, name, key)
