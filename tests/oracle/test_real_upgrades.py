"""What `upgrade` writes is what the other release's parser takes: opt-in, for two installed releases of an engine."""

from __future__ import annotations

import json
import subprocess
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_real_parser import PYTHONS, dumped

from modelgen.engines import ENGINES
from modelgen.engines.catalogues import Kind
from modelgen.engines.flags import format_flag
from modelgen.engines.images.versions import parse_version
from modelgen.load import load
from modelgen.resolve import resolve
from modelgen.upgrading.edits import apply, toml
from modelgen.upgrading.steps import steps_of

if TYPE_CHECKING:
    from modelgen.engines.catalogues import Flag, Release
    from modelgen.resolve import Resolved

pytestmark = pytest.mark.oracle

IMAGES = {"vllm": "vllm/vllm-openai:v{}", "sglang": "lmsysorg/sglang:v{}"}
VALUES: dict[Kind, Any] = {
    **dict.fromkeys((Kind.BOOL, Kind.FLAG, Kind.TRUTHY), True),
    **dict.fromkeys((Kind.INT, Kind.LENGTH, Kind.IEC_LENGTH), 1),
    Kind.NUMBER: 0.5,
    Kind.TEXT: "text",
    Kind.JSON: {},
    Kind.JSON_OR_TEXT: {},
}
PAIRS = [(one, other[1]) for one, other in permutations(PYTHONS, 2) if one[0] == other[0]]
LINES = Path(__file__).with_name("parse_lines.py")
TABLES = '[project]\nname = "x"\nhub = "./hub"\n[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n'


def resolved(text: bytes) -> Resolved:
    document, _, found = load(text, "models.toml")
    assert document is not None, found
    return resolve(document, None)


def file_of(engine: str, release: Release) -> bytes:
    """Return a file with a model for each flag of a release."""
    lines = [f'{TABLES}[engines.{engine}]\nimage = "{IMAGES[engine].format(release.name)}"']
    for name in release.flag_names():
        flag = release.get(name)
        if flag is not None and name not in ENGINES[engine].owned_args:
            args = f"{{ {name} = {toml(value_of(flag))} }}"
            lines.append(f'[models.m-{name}]\nengine = "{engine}"\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = {args}')
    return "\n".join(lines).encode()


def value_of(flag: Flag) -> Any:  # noqa: ANN401 - any TOML value
    return flag.choices[0] if flag.choices else VALUES[flag.kind]


def lines_of(found: Resolved, release: Release) -> dict[str, list[str]]:
    """Return the command lines of the models, by model."""
    return {
        name: [
            word
            for argument in run.arguments
            for word in format_flag(argument.name, release.get(argument.name.partition(".")[0]), argument.value)
        ]
        for name, run in found.runs.items()
    }


def said(engine: str, python: str, lines: dict[str, list[str]]) -> dict[str, str | None]:
    run = subprocess.run(
        [python, str(LINES), engine],
        input=json.dumps([*lines.values()]),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return dict(zip(lines, json.loads(run.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize(("one", "other"), PAIRS or [(("", ""), "")], ids=str)
def test_the_other_parser_takes_what_upgrade_writes(one: tuple[str, str], other: str) -> None:
    engine, python = one
    if not engine:
        pytest.skip("MODELGEN_VLLM_PYTHON and MODELGEN_SGLANG_PYTHON name no two releases")
    catalogue = ENGINES[engine].catalogue
    assert catalogue is not None
    versions = [parse_version(dumped(engine, path)["version"].partition(".post")[0]) for path in (python, other)]
    old, new = (catalogue().release(version) for version in versions if version is not None)
    text = file_of(engine, old)
    before = resolved(text)
    target = parse_version(new.name)
    assert target is not None
    steps = steps_of(before, {engine: target}, None)
    after = resolved(apply(text, [edit for step in steps for edit in step.edits]))
    taken = {name for name, error in said(engine, python, lines_of(before, old)).items() if error is None}
    assert len(taken) > 100
    kept = {str(step.path[1]) for step in steps if not step.edits}
    refused = {
        name: error
        for name, error in said(engine, other, lines_of(after, new)).items()
        if error is not None and name in taken - kept
    }
    assert refused == {}
