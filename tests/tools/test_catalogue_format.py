"""The catalogues' format: what is written for releases reads back as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from argparse_reader.catalogue_files import update_flags, update_variables
from argparse_reader.catalogue_format import Flag, decode, encode, render_flags, unify, variables_at

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = [
    ("1.0", [Flag("a", "int", {"default": 1}), Flag("long", "int", {"aliases": ["l"]})]),
    ("1.1", [Flag("a", "int", {"default": 1}), Flag("b", "text", {"choices": ["x"]})]),
    ("1.2", [Flag("b", "text", {"choices": ["x", "y"]})]),
    ("1.3", [Flag("a", "int", {"default": 1}), Flag("model_tag", "text", {"nargs": "?"})]),
]


def test_each_release_reads_back_as_it_was_written() -> None:
    versions = [version for version, _ in RELEASES]

    data = json.loads(render_flags("vllm", versions, encode(RELEASES)))

    for version, flags in RELEASES:
        assert decode(data["versions"], data["flags"], version) == {flag.name: flag.entry() for flag in flags}
    assert data["flags"]["a"] == [["1.0", "int", {"default": 1}], ["1.2"], ["1.3", "int", {"default": 1}]]
    assert [*data["flags"]][-1] == "model_tag"


def test_a_release_adds_one_line_for_each_change() -> None:
    before = render_flags("vllm", ["1.0", "1.1"], encode(RELEASES[:2])).splitlines()
    after = render_flags("vllm", ["1.0", "1.1", "1.2"], encode(RELEASES[:3])).splitlines()

    assert '      ["1.2", "text", {"choices": ["x", "y"]}]' in after
    assert '    "long": [' in before


def test_a_flag_keeps_the_name_of_the_newest_release() -> None:
    old = Flag("tensor-parallel-size", "int", {"aliases": ["tp-size"], "default": 1})
    new = Flag("tp-size", "int", {"aliases": ["tensor-parallel-size"], "default": 1})

    assert unify([("1.0", [old]), ("1.1", [new])]) == [("1.0", [new]), ("1.1", [new])]


def test_no_spelling_is_both_an_alias_and_a_flag() -> None:
    found = unify([("1.0", [Flag("new", "int", {"aliases": ["old"]})]), ("1.1", [Flag("old", "int", {})])])

    assert found == [("1.0", [Flag("new", "int", {}), Flag("old", "int", {})]), ("1.1", [Flag("old", "int", {})])]


def test_a_catalogue_keeps_the_releases_that_are_not_given(tmp_path: Path) -> None:
    path = tmp_path / "vllm_flags.json"
    update_flags(path, "vllm", dict(RELEASES), anew=True)
    whole = path.read_text(encoding="utf-8")

    update_flags(path, "vllm", dict(RELEASES[1:2]), anew=False)

    assert path.read_text(encoding="utf-8") == whole


def test_a_variable_lives_from_its_first_release_to_its_last(tmp_path: Path) -> None:
    path = tmp_path / "vllm_variables.json"
    update_variables(path, "vllm", {"1.0": {"A", "B"}, "1.10": {"B"}, "1.9": {"A", "B", "C"}}, anew=True)
    data = json.loads(path.read_bytes())

    assert data["versions"] == ["1.0", "1.9", "1.10"]
    assert data["variables"] == {"A": ["1.0", "1.9"], "B": ["1.0"], "C": ["1.9", "1.9"]}
    assert variables_at(data["versions"], data["variables"], "1.9") == {"A", "B", "C"}
