"""`modelgen import`: what it reads and writes, what it prints, how it exits."""

from __future__ import annotations

import shutil
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from imports import COMPOSE, LINT
from modelgen.cli.app import cli
from modelgen.files import create

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(LINT / "incident" / COMPOSE, tmp_path)
    return tmp_path


def run(*args: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*args], input=text, standalone_mode=False)


def test_from_the_file_to_build(folder: Path) -> None:
    found = run("import", "--gpu", "RTX 3090")
    assert found.return_value == 0
    assert found.stderr.splitlines()[-2:] == [
        "modelgen: wrote models.toml: 3 models",
        "next: read it, then modelgen validate && modelgen lock",
    ]
    assert run("build").return_value == 0
    assert (folder / "build" / COMPOSE).is_file()


def test_an_existing_file_stays(folder: Path) -> None:
    (folder / "models.toml").write_text("mine")
    assert "models.toml exists; pass --out with another name" in str(run("import").exception)
    assert (folder / "models.toml").read_text() == "mine"
    assert run("import", "--out", "other.toml").return_value == 0
    assert tomllib.loads((folder / "other.toml").read_text())["models"]


def test_of_several_at_once_one_writes(folder: Path) -> None:
    ready = threading.Barrier(8)

    def write(number: int) -> bool:
        ready.wait()
        try:
            create(folder / "models.toml", bytes([number]) * 10**6)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        written = [*pool.map(write, range(8))]
    assert written.count(True) == 1
    assert (folder / "models.toml").read_bytes() == bytes([written.index(True)]) * 10**6
    assert sorted(path.name for path in folder.iterdir()) == [COMPOSE, "models.toml"]


def test_it_can_be_printed(folder: Path) -> None:
    found = run("import", COMPOSE, "--out", "-")
    assert tomllib.loads(found.stdout)["gpus"]["gpu0"]["memory"] == "24GiB"
    assert not (folder / "models.toml").exists()


def test_the_folder_of_the_file(folder: Path) -> None:
    (folder / "stack").mkdir()
    (folder / COMPOSE).rename(folder / "stack" / COMPOSE)
    assert run("import", f"stack/{COMPOSE}").return_value == 0
    project = tomllib.loads((folder / "models.toml").read_text())["project"]
    assert project == {"name": "stack", "hub": "./stack/models/hub"}


def test_stdin() -> None:
    found = run(
        "import",
        "-",
        "--out",
        "-",
        "--assume-version",
        "0.30.0",
        text="#!/bin/sh\nvllm serve a/b --max-model-len 4096\n",
    )
    assert tomllib.loads(found.stdout)["models"]["b"]["image"] == "vllm/vllm-openai:v0.30.0"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("services: {a: {image: nginx}}", 0, "no engine found in 1 service"),
        ("x: 1", 1, "it is no Compose file"),
        ("a: {{ .Values.image }}\n", 1, "render it"),
    ],
)
def test_what_is_not_imported(folder: Path, text: str, code: int, said: str) -> None:
    (folder / "c.yml").write_text(text)
    found = run("import", "c.yml")
    assert (found.return_value, said in found.stderr) == (code, True), found.stderr
    assert not (folder / "models.toml").exists()


def test_an_error_that_stays_is_shown(folder: Path) -> None:
    shutil.copy(LINT / "right" / "several-nodes" / COMPOSE, folder)
    found = run("import")
    assert found.return_value == 1
    assert "MG214" in found.stderr
    assert (folder / "models.toml").exists()


def test_the_entries_of_a_file_of_flags_become_arguments(folder: Path) -> None:
    (folder / "serving.yaml").write_text(
        "model: Qwen/Qwen3-4B\nmax-model-len: 8192\nmax-num-seqs: 4\ngpu-memory-utilization: 0.5\nport: 8000\n"
        "no-enable-prefix-caching: true\nspeculative-config: {method: ngram, num_speculative_tokens: 3}\n"
    )
    (folder / COMPOSE).write_text(
        "services:\n  vllm:\n    image: vllm/vllm-openai:v0.30.0\n"
        "    command: [--config, /cfg/serving.yaml, --max-num-seqs, '8']\n    volumes: ['./:/cfg:ro']\n"
    )
    (folder / "serve.sh").write_text("vllm serve --config ./missing.yaml\n")
    found = run("import", "--out", "-")
    model = tomllib.loads(found.stdout)["models"]["vllm"]
    assert (model["repo"], model["gpu_memory"]) == ("Qwen/Qwen3-4B", 0.5)
    assert model["args"] == {
        "max-num-seqs": 8,
        "max-model-len": 8192,
        "enable-prefix-caching": False,
        "speculative-config": {"method": "ngram", "num_speculative_tokens": 3},
    }
    assert "--config /cfg/serving.yaml: its entries are in `args`" in found.stdout
    assert "--config ./missing.yaml: write `config" in run("import", "serve.sh", "--out", "-").stdout
