"""Files that a file names: what they include, extend and start is read, from the folder where they lie."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from modelgen.cli.app import cli
from modelgen.foreign import read_files

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "image: 'vllm/vllm-openai:v0.30.0', runtime: nvidia"
WRONG = f"services: {{a: {{{IMAGE}, command: [x/y, --swap-space, '4']}}}}"
BASE = f"services: {{base: {{{IMAGE}}}}}"
PROJECTS = {
    "a service of another file": (
        {"c.yml": "services: {a: {extends: {file: d/b.yml, service: base}, command: [x/y, --bad]}}", "d/b.yml": BASE},
        ["c.yml: --bad"],
    ),
    "variables beside the extended file": (
        {
            "c.yml": "services: {a: {extends: {file: d/b.yml, service: base}}}",
            "d/b.yml": f"services: {{base: {{{IMAGE}, command: [x/y], env_file: e}}}}",
            "d/e": "A=1\nVLLM_ATTENTION_BACKEND=NONE\n",
        },
        ["d/e: VLLM_ATTENTION_BACKEND"],
    ),
    "a service that extends one of its own file": (
        {
            "c.yml": "services: {a: {extends: {file: d/b.yml, service: second}}}",
            "d/b.yml": f"services: {{second: {{extends: base, command: [x/y, --bad]}}, base: {{{IMAGE}}}}}",
        },
        ["d/b.yml: --bad"],
    ),
    "an included file": ({"c.yml": "include: [d/b.yml]", "d/b.yml": WRONG}, ["d/b.yml: --swap-space"]),
    "an included project with variables": (
        {
            "c.yml": "include: [{path: [d/b.yml]}]\nservices: {}",
            "d/b.yml": WRONG.replace("v0.30.0", "${TAG}"),
            "d/.env": "TAG=v0.30.0",
        },
        ["d/b.yml: --swap-space"],
    ),
    "files that include each other": (
        {"c.yml": "include: [d/b.yml]", "d/b.yml": "include: [../c.yml]\n" + WRONG},
        ["d/b.yml: --swap-space"],
    ),
    "services that extend each other": (
        {
            "c.yml": "services: {a: {extends: {file: b.yml, service: b}}}",
            "b.yml": "services: {b: {extends: {file: c.yml, service: a}}}",
        },
        ["b.yml: extends"],
    ),
    "a file that is not there": ({"c.yml": f"include: [d.yml]\n{BASE}"}, ["c.yml: d.yml"]),
    "a file on the network": (
        {"c.yml": f"include: ['https://example.org/x.git']\n{BASE}"},
        ["c.yml: 'https://example.org/x.git'"],
    ),
    "a file that is not YAML": ({"c.yml": f"include: [d.yml]\n{BASE}", "d.yml": "services: [\n}"}, ["d.yml: }"]),
    "docker compose up": (
        {"c.yml": "models: {m: {cmd: docker compose -f d/b.yml up --build a}}", "d/b.yml": WRONG},
        ["d/b.yml: --swap-space"],
    ),
    "docker compose up in a folder": (
        {"c.yml": "models: {m: {cmd: sh -c 'cd d && docker-compose up'}}", "d/compose.yml": WRONG},
        ["d/compose.yml: --swap-space"],
    ),
    "a script": (
        {
            "c.yml": "models: {m: {cmd: bash d/run.sh --swap-space 4}}",
            "d/run.sh": "#!/bin/sh\necho x\nexec docker run --gpus all vllm/vllm-openai:v0.30.0 x/y \\\n  --bad 1 $@\n",
        },
        ["c.yml: --swap-space", "d/run.sh: --bad"],
    ),
    "a script that starts itself": (
        {"c.yml": "models: {m: {cmd: ./run.sh}}", "run.sh": "./run.sh"},
        [],
    ),
    "a script that is not there": ({"c.yml": "models: {m: {cmd: /opt/run.sh}}"}, ["c.yml: /opt/run.sh"]),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_what_a_file_names_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, expected = PROJECTS[name]
    monkeypatch.chdir(tmp_path)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    found = CliRunner().invoke(cli, ["lint", "c.yml", "--format", "json"], catch_exceptions=False)
    shown = []
    for one in json.loads(found.stdout):
        line = (tmp_path / one["path"]).read_text().split("\n")[one["line"] - 1]
        shown.append(f"{one['path']}: {line[one['column'] - 1 : one['end_column'] - 1]}")
    assert shown == expected


def test_files_outside_of_the_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "b.yml").write_text(WRONG)
    (tmp_path / "p" / "c.yml").write_text("include: [../b.yml]")
    found = CliRunner().invoke(cli, ["lint", str(tmp_path / "p" / "c.yml")])
    assert f"also read, outside of {(tmp_path / 'p').as_posix()}: ../b.yml\n" in found.stderr
    assert "no flag `swap-space`" in found.stdout


@pytest.mark.parametrize(
    "text",
    [
        "include: [" + ",".join(f"f{number}.yml" for number in range(1000)) + "]\nservices: {}",
        "services: {" + ",".join(f"a{n}: {{extends: {{file: f{n}.yml, service: a}}}}" for n in range(600)) + "}",
    ],
    ids=["includes", "extends"],
)
def test_the_number_of_files_is_bounded(text: str) -> None:
    assert len(read_files([("c.yml", text.encode())]).wanted) <= 200


def test_documents_of_a_file_are_merged_as_files_are() -> None:
    first = f"services: {{a: {{{IMAGE}, command: [x/y, --bad]}}}}\n"
    text = f"{first}---\nservices: {{a: {{command: [x/y]}}, b: {{image: x}}}}\n"
    foreign = read_files([("c.yml", text.encode())])
    assert not foreign.unread
    assert {name: [word.text for word in one.command or ()] for name, one in foreign.services.items()} == {
        "a": ["x/y"],
        "b": [],
    }
