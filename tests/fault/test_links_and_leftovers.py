"""Links, pipes and names in the output directory lead nowhere, and a killed build leaves nothing behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from builds import contents
from test_hostile_records import add, assert_harmless, project  # noqa: F401 - a fixture
from test_killed_while_files_come_and_go import NEW, OLD, killed_everywhere, made_of

from compiling import modelgen
from modelgen import output

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_end_in_a_name_does_not_lead_out(project: Path) -> None:  # noqa: F811
    """`.` of a regular expression does not match a line end, so what follows one was never looked at."""
    (project / "build" / "a\n").mkdir()
    add(project, "a\n/../../precious")
    assert_harmless(project)


def test_a_link_within_the_directory_does_not_lead_out(project: Path) -> None:  # noqa: F811
    (project / "build" / "up").symlink_to("..")
    add(project, "up/precious")
    assert_harmless(project)


def test_what_is_built_is_not_written_through_a_link_either(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "build"
    outside.mkdir()
    folder.mkdir()
    (folder / "deep").symlink_to(outside)
    changes = output.build({"deep/file": b"1"}, folder, force=False)
    assert changes.conflicts == ["deep/file"]
    assert contents(outside) == {}


def test_a_link_that_another_link_leads_to_stays(tmp_path: Path) -> None:
    """The folder `deep/inner` is a link of another directory: only `deep` is replaced."""
    outside, elsewhere, folder = tmp_path / "outside", tmp_path / "elsewhere", tmp_path / "build"
    for each in (outside, elsewhere, folder):
        each.mkdir()
    (outside / "inner").symlink_to(elsewhere)
    (folder / "deep").symlink_to(outside)
    output.build({"deep/inner/file": b"1"}, folder, force=True)
    assert (outside / "inner").is_symlink()
    assert (folder / "deep" / "inner" / "file").read_bytes() == b"1"


def test_a_name_in_a_record_says_nothing_to_the_terminal(project: Path) -> None:  # noqa: F811
    (project / "build" / "\x1b[31mred").write_text("mine")
    add(project, "\x1b[31mred")
    assert "\x1b" not in modelgen("build", cwd=project).stderr


def test_the_build_that_goes_back_clears_away_what_was_staged(tmp_path: Path) -> None:
    """Killed before its record was in place, a build that adds a file leaves it staged under a name that none knows."""
    fresh = made_of(OLD, tmp_path / "fresh")
    for folder in killed_everywhere(tmp_path, lambda folder: output.build(NEW, folder, force=False)):
        assert output.compare(OLD, folder).is_empty == (contents(folder) == fresh)
        output.build(OLD, folder, force=False)
        assert contents(folder) == fresh


def test_a_named_pipe_in_the_place_of_a_file_is_not_waited_for(project: Path) -> None:  # noqa: F811
    (project / "build" / "docker-compose.yml").unlink()
    os.mkfifo(project / "build" / "docker-compose.yml")
    for args in (["build"], ["build", "--check"], ["diff"]):
        assert modelgen(*args, cwd=project).returncode == 1


def test_a_named_pipe_that_the_record_names_is_not_waited_for(tmp_path: Path) -> None:
    output.build({"a": b"1", "b": b"2"}, tmp_path, force=False)
    (tmp_path / "b").unlink()
    os.mkfifo(tmp_path / "b")
    assert output.compare({"a": b"1"}, tmp_path).conflicts == ["b"]
