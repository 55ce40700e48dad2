"""One file, one output: whoever builds it, wherever, whenever."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import fuzzing  # noqa: F401 - sets how much is tried
import pytest
from hypothesis import Phase, given, settings
from mixed_file import MIXED
from toml_plain import dump
from valid_files import valid_files

from compiling import REPOSITORY, modelgen

if TYPE_CHECKING:
    from toml_writer import Table

# Every place from which a set, a clock, a locale or a user could get into the output. Locales that are not installed
# count too: then Python falls back, differently for C and for others.
ELSEWHERE = {
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "yet another hash seed": {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati"},
    "plain C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONHASHSEED": "2"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr", "TZ": "America/St_Johns"},
    "another user": {"HOME": "/nonexistent", "USER": "nobody", "LOGNAME": "nobody", "TMPDIR": "/nonexistent"},
    "optimized": {"PYTHONOPTIMIZE": "1", "COLUMNS": "20", "NO_COLOR": "1", "TERM": "dumb"},
}


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_mixed(elsewhere: str, tmp_path: Path) -> None:
    check_same_bytes(MIXED, tmp_path, elsewhere)


@pytest.mark.parametrize("elsewhere", ["another hash seed", "plain C"])
def test_example(elsewhere: str, tmp_path: Path) -> None:
    built = check_same_bytes((REPOSITORY / "models.toml").read_text("utf-8"), tmp_path, elsewhere)
    # It is what the repository shows, too.
    assert built == read_tree(REPOSITORY / "build")


# Two processes an example: too dear to shrink.
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
@given(valid_files(crowded=True))
def test_drawn_files(file: Table) -> None:
    with TemporaryDirectory() as folder:
        check_same_bytes(dump(file), Path(folder), "plain C")


def check_same_bytes(toml: str, folder: Path, elsewhere: str) -> dict[str, bytes]:
    """Build one file here and, in another folder, elsewhere; return what came out of both."""
    here, there = folder / "here", folder / "there" / "ü" / "deeper"
    for place in (here, there):
        place.mkdir(parents=True)
        (place / "models.toml").write_bytes(toml.encode())
    run_build("--config", "models.toml", cwd=here, env={"PYTHONHASHSEED": "0"})
    run_build("--config", "ü/deeper/models.toml", cwd=folder / "there", env=ELSEWHERE[elsewhere])
    built = read_tree(here / "build")
    assert len(built) > 1
    assert read_tree(there / "build") == built
    return built


def run_build(*args: str, cwd: Path, env: dict[str, str]) -> None:
    done = modelgen("build", *args, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr


def read_tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_check_can_fail(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a").write_bytes(b"%d" % number)
    assert read_tree(tmp_path / "1") != read_tree(tmp_path / "2")
