"""`modelgen build` against the real docker-compose on the same files. Prints ratios; never fails on time."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from measure import compare

from compiling import REPOSITORY, modelgen

pytestmark = pytest.mark.bench

MODELGEN = Path(sys.executable).parent / "modelgen"


def compose() -> Path:
    found = importlib.util.find_spec("compose")
    assert found is not None, "the extra `test` brings docker-compose"
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "docker-compose"


def many_models(count: int, folder: Path) -> Path:
    """Write a models.toml of `count` pinned models and build it once."""
    tables = [
        '[project]\nname = "bench"\nhub = "./models/hub"\n',
        '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n',
        '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n',
    ]
    tables += [
        f'[models.m{number}]\nrepo = "org/model-{number}"\nrevision = "{number:040x}"\ngpus = ["gpu0"]\n'
        'gpu_memory = "10GiB"\nargs = { max-model-len = 16384, max-num-seqs = 16 }\n'
        for number in range(count)
    ]
    folder.mkdir()
    (folder / "models.toml").write_text("\n".join(tables))
    assert modelgen("build", cwd=folder).returncode == 0
    return folder


def test_example(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "models.toml", tmp_path)
    config, build = tmp_path / "models.toml", tmp_path / "build"
    ours: list[str | Path] = [MODELGEN, "build", "--config", config]
    compare("example: modelgen build / python -c 'import the four packages'", ours, four_imports())
    compare(
        "example: modelgen build / docker-compose config -q (asked: at most 6)",
        ours,
        [compose(), "-f", build / "docker-compose.yml", "config", "-q"],
    )
    compare("example: modelgen build --check / modelgen build (asked: no slower)", [*ours, "--check"], ours)


def four_imports() -> list[str]:
    return [sys.executable, "-c", "import click, pydantic, yaml, jinja2; from pydantic import BaseModel"]


def test_version() -> None:
    compare(
        "modelgen --version / python -c 'import click' (asked: at most 1.6)",
        [MODELGEN, "--version"],
        [sys.executable, "-c", "import click"],
    )


def test_thousand_models(tmp_path: Path) -> None:
    folder = many_models(1000, tmp_path / "thousand")
    compare(
        "1,000 models: modelgen build / docker-compose config -q (asked: wall at most 0.4, peak at most 0.8)",
        [MODELGEN, "build", "--config", folder / "models.toml"],
        [compose(), "-f", folder / "build/docker-compose.yml", "config", "-q"],
        runs=5,
    )


def test_growth(tmp_path: Path) -> None:
    small, large = many_models(1000, tmp_path / "thousand"), many_models(10_000, tmp_path / "ten-thousand")
    compare(
        "10,000 models / 1,000 models (asked: at most 12)",
        [MODELGEN, "build", "--config", large / "models.toml"],
        [MODELGEN, "build", "--config", small / "models.toml"],
        runs=3,
    )


def test_help() -> None:
    compare(
        "modelgen --help / python -c 'import click' (asked: at most 1.3)",
        [MODELGEN, "--help"],
        [sys.executable, "-c", "import click"],
        runs=41,
    )


def test_validate(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "models.toml", tmp_path)
    config = tmp_path / "models.toml"
    compare(
        "example: modelgen validate / modelgen build (asked: at most 0.9)",
        [MODELGEN, "validate", "--config", config],
        [MODELGEN, "build", "--config", config],
        runs=21,
    )


def test_search_upward(tmp_path: Path) -> None:
    """The file is found from ten folders below; the imports of the command are the same."""
    shutil.copy(REPOSITORY / "models.toml", tmp_path)
    deep = tmp_path.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    program = f"import os; os.chdir({str(deep)!r}); import sys; sys.argv = ['modelgen', 'validate']; "
    here = f"import os; os.chdir({str(tmp_path)!r}); import sys; sys.argv = ['modelgen', 'validate']; "
    main = "from modelgen.cli import main; main()"
    compare(
        "example: modelgen validate ten folders below / beside models.toml (asked: not measurable)",
        [sys.executable, "-c", program + main],
        [sys.executable, "-c", here + main],
        runs=21,
    )


def test_lint(tmp_path: Path) -> None:
    one = REPOSITORY / "tests/lint/right/incident/docker-compose.yml"
    many = many_models(1_000, tmp_path / "many") / "build/docker-compose.yml"
    for title, path, asked in (("the incident's file", one, 4), ("1,000 services", many, 0.4)):
        compare(
            f"{title}: modelgen lint / docker-compose config -q (asked: at most {asked})",
            [MODELGEN, "lint", path],
            [compose(), "-f", path, "config", "-q"],
            runs=5,
        )
