"""A project directory whose build goes wrong, and what must hold whenever it does."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from compiling import complete, modelgen

if TYPE_CHECKING:
    from pathlib import Path

# Without the orchestrator's sources: they would be sixty files that are written like any other.
OLD = complete('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n[orchestrator]\nenabled = false')
NEW = OLD.replace("max-model-len = 8", "max-model-len = 16")


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, path → bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fresh_build(toml: str, folder: Path) -> dict[str, bytes]:
    """Return what a build into an empty directory writes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "models.toml").write_text(toml)
    assert modelgen("build", cwd=folder).returncode == 0
    return contents(folder / "build")
