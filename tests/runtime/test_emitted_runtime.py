"""The orchestrator that `modelgen build` emits: complete for containers, and without the driver of `modelgen serve`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, build
from modelgen_runtime.manifest import Process, read_manifest, write_manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def emitted(tmp_path: Path) -> Path:
    """The folder that the image is built from."""
    for name, text in build((REPOSITORY / "models.toml").read_text()).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "orchestrator"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_every_emitted_module_can_be_imported(emitted: Path) -> None:
    paths = sorted((emitted / "modelgen_runtime").rglob("*.py"))
    modules = [".".join(path.relative_to(emitted).with_suffix("").parts) for path in paths]
    assert "modelgen_runtime.drivers.containers.driver" in modules
    assert not [module for module in modules if "processes" in module]
    done = run(emitted, "-c", f"import importlib\nfor name in {modules}: importlib.import_module(name)")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_emitted_orchestrator_refuses_to_run_engines_as_processes(emitted: Path) -> None:
    path = emitted / "config" / "manifest.json"
    written = read_manifest(path.read_bytes())
    models = tuple(replace(model, process=Process(("true",)), container=None) for model in written.models)
    path.write_bytes(write_manifest(replace(written, driver="process", models=models)))
    done = run(emitted, "-m", "modelgen_runtime", str(path), "--state", str(emitted))
    assert done.returncode == 1
    assert "this orchestrator has no driver process" in done.stderr
    assert "Traceback" not in done.stderr
