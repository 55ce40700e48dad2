"""`modelgen fit` against `validate` and `build` of the same files. Prints ratios; never fails on time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from measure import compare

from compiling import modelgen
from fit_projects import HEAD, PROJECT, QWEN_4B, lock_of, model

pytestmark = pytest.mark.bench

MODELGEN = Path(sys.executable).parent / "modelgen"


def locked(folder: Path, text: str, lock: bytes) -> list[str | Path]:
    """Write a project, build it once, and return the options that name it."""
    folder.mkdir()
    (folder / "models.toml").write_text(text)
    (folder / "models.lock").write_bytes(lock)
    assert modelgen("build", cwd=folder).returncode == 0
    return ["--config", folder / "models.toml"]


def test_three_models(tmp_path: Path) -> None:
    config = locked(tmp_path / "three", PROJECT, lock_of())
    compare(
        "3 models: fit / validate (asked: at most 1.2)", [MODELGEN, "fit", *config], [MODELGEN, "validate", *config]
    )


def test_a_thousand_models(tmp_path: Path) -> None:
    models = tuple((f"m{number}", f"org/model-{number}", QWEN_4B, 8 * 10**9) for number in range(1000))
    text = HEAD + "".join(model(name, repo, "10GiB", max_model_len=8192) for name, repo, _, _ in models)
    config = locked(tmp_path / "thousand", text, lock_of(models))
    compare("1,000 models: fit / build (asked: below 1)", [MODELGEN, "fit", *config], [MODELGEN, "build", *config])
    compare("1,000 models: plan / build (asked: below 1)", [MODELGEN, "plan", *config], [MODELGEN, "build", *config])
