"""What a command imports: start-up stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

from compiling import REPOSITORY

HEAVY = [
    "pydantic",
    "jinja2",
    "yaml",
    "huggingface_hub",
    "rich",
    "tree_sitter",
    "asyncio",
    "importlib.metadata",
    "modelgen.lockfile.entries",
]
SCRIPT = """
import sys
sys.argv = ["modelgen", *{args!r}]
from modelgen.cli import main
try:
    main()
except SystemExit as stop:
    assert stop.code in (0, None, 1), stop.code
print("imported:", *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""


def imported(*args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(args=args, heavy=HEAVY)],
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY / "compiler"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["build", "--help"]])
def test_help_and_version_import_nothing_heavy(args: list[str]) -> None:
    assert imported(*args) == set()


def test_a_build_imports_no_hub_and_no_rich() -> None:
    assert not imported("build", "--check") & {
        "huggingface_hub",
        "rich",
        "asyncio",
        "modelgen.lockfile.entries",
    }


def test_validate_renders_nothing() -> None:
    assert not imported("validate") & {"jinja2", "yaml", "huggingface_hub", "rich", "asyncio"}


def test_lint_needs_no_renderer_and_no_hub() -> None:
    assert not imported("lint", "tests/lint/incident/docker-compose.yml", "--format", "json") & {
        *("jinja2", "huggingface_hub", "rich", "tree_sitter", "asyncio", "modelgen.lockfile.entries", "pydantic")
    }


def test_a_file_without_findings_needs_no_tree_sitter() -> None:
    starter = REPOSITORY / "compiler/modelgen/cli/configuration/starter.toml"
    assert not imported("validate", "--config", str(starter)) & {"tree_sitter", "huggingface_hub", "rich"}
