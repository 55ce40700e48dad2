"""The importer runs on any Python from 3.9 on, without site-packages, and can be read before it is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import modelgen_importer
from bundles import Written

FOLDER = Path(modelgen_importer.__path__[0])
MOST_LINES = 2250
MOST_LINES_OF_A_FILE = 300


def test_its_syntax_and_modules_are_those_of_python_3_9() -> None:
    program = str(Path(sys.executable).with_name("vermin"))
    command = [program, "--target=3.9-", "--violations", "--no-tips", "--no-parse-comments", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_reviewer_can_read_it() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in FOLDER.glob("*.py")}
    assert sum(lines.values()) <= MOST_LINES
    assert max(lines.values()) <= MOST_LINES_OF_A_FILE


def pythons() -> list[str]:
    """Return one program of each Python from 3.9 on that is installed: the system's, and pyenv's."""
    places = [*Path("/usr/bin").glob("python3.*"), *Path.home().glob(".pyenv/versions/3.*/bin/python3.*")]
    found = {path.name: str(path) for path in places if re.fullmatch(r"python3\.(9|[1-9]\d)", path.name)}
    return [found[name] for name in sorted(found)] or [sys.executable]


@pytest.mark.parametrize("python", pythons())
def test_it_runs_isolated_and_without_bytecode(tmp_path: Path, python: str) -> None:
    bundle = Written({"models.toml": b"x = 1\n"}).snapshot({"config.json": b"{}"}).write(tmp_path / "bundle")
    cache = bundle / "importer/__pycache__"
    for arguments in (["verify.py"], ["load.py", "--into", str(tmp_path / "target")], ["describe.py"]):
        command = [python, "-I", "-S", str(bundle / "importer" / arguments[0]), *arguments[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert not cache.exists()
    assert (tmp_path / "target/models.toml").read_text() == "x = 1\n"


def test_bytecode_that_came_with_a_bundle_is_not_run(tmp_path: Path) -> None:
    bundle = Written({}).write(tmp_path / "bundle")
    cache = bundle / "importer/__pycache__"
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(bundle / "importer")], check=True)
    for path in cache.iterdir():  # right for its source by time and size, as a hostile one would be
        path.write_bytes(path.read_bytes()[:16] + b"never executed")
    command = [sys.executable, "-I", "-S", str(bundle / "importer/verify.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is not in SHA256SUMS; remove it" in done.stderr


@pytest.mark.parametrize("program", ["verify.py", "load.py", "describe.py"])
def test_a_file_in_the_place_of_a_module_is_not_run(tmp_path: Path, program: str) -> None:
    """`sha256sum -c` does not see it, and Python looks into the folder of a program first."""
    bundle = Written({}).write(tmp_path / "bundle")
    modules = set(sys.stdlib_module_names) - set(sys.builtin_module_names)
    for name in modules:
        (bundle / f"importer/{name}.py").write_text("raise SystemExit('planted')\n")
    command = [sys.executable, str(bundle / "importer" / program), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["manifest/__init__.py", "manifest.abi3.so"])
def test_what_python_prefers_to_a_file_of_the_importer_is_refused(tmp_path: Path, name: str) -> None:
    bundle = Written({}).write(tmp_path / "bundle")
    (bundle / "importer" / name).parent.mkdir(exist_ok=True)
    (bundle / "importer" / name).write_text("raise SystemExit('planted')\n")
    for program in ("verify.py", "load.py"):
        command = [sys.executable, str(bundle / "importer" / program), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "does not belong to the importer; remove it" in done.stderr) == (1, True)
