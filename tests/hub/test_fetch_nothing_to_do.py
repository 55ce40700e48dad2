"""A fetch that has nothing to do is quick, as long as it knows that nothing has changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sharing import Sharing, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub


@pytest.fixture
def fetched(hub: Hub, tmp_path: Path) -> Sharing:
    """A project that has fetched everything."""
    project = Sharing(tmp_path / "one", hub, tmp_path / "hub")
    files = files_of(b"1" * 5000)
    project.want("org/model", files, hub.add("org/model", files))
    project.fetch()
    return project


def is_quick(project: Sharing) -> bool:
    """Fetch, and return whether that took no compiler, nor the registry."""
    done = project.run("fetch", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("nothing is missing\n")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "modelgen.hub.fetching.remembered" in imported
    return not imported & {"pydantic", "modelgen.hub.cache.registry"}


def records(project: Sharing) -> list[Path]:
    return [*(project.hub / ".locks/modelgen/locks").iterdir()]


def test_it_imports_no_compiler(fetched: Sharing) -> None:
    assert is_quick(fetched)


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_a_lock_whose_record_is_not_as_it_was_is_registered_again(fetched: Sharing, damage: str) -> None:
    [record] = records(fetched)
    before = record.read_bytes()
    if damage == "removed":
        record.unlink()
    else:
        record.write_bytes(b"{}")
    assert not is_quick(fetched)
    assert record.read_bytes() == before
    assert is_quick(fetched)


def test_a_copy_of_the_project_in_another_folder_is_registered_too(fetched: Sharing, hub: Hub, tmp_path: Path) -> None:
    copy = Sharing(tmp_path / "two", hub, fetched.hub)
    for name in ("models.toml", "models.lock"):
        shutil.copy(fetched.folder / name, copy.folder)
    assert not is_quick(copy)
    assert len(records(fetched)) == 2
    assert is_quick(copy)


def test_it_is_quick_again_after_an_edit_that_changes_no_model(fetched: Sharing) -> None:
    config = fetched.folder / "models.toml"
    config.write_text(f"# A comment.\n{config.read_text()}")
    assert not is_quick(fetched)
    assert is_quick(fetched)
