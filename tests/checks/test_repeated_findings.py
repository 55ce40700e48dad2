"""A fault that many models share takes few lines: one finding for one remedy, else a few places and a count."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from toml_plain import dump

from compiling import complete, findings, modelgen
from modelgen.cli.configuration.manual import load_rules
from modelgen.diagnostics.repeats import fold

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.diagnostics import Rule

COUNT = 10
IN_FULL = 3
ONE_REMEDY = {
    "asset-not-locked",
    "cards-not-separable",
    "closed-cards",
    "code-unknown",
    "id-offline",
    "image-for-other-cards",
    "image-without-gpu",
    "missing-image",
    "no-snapshot",
    "not-locked",
    "open-publish",
    "other-weights",
    "repo-not-locked",
    "unpinned-repo",
}


def has_one_model(toml: str) -> bool:
    try:
        return len(tomllib.loads(toml)["models"]) == 1
    except tomllib.TOMLDecodeError:
        return False


def with_copies(toml: str) -> str:
    """Return an example with its model ten times."""
    written = tomllib.loads(toml)
    [(name, model)] = written["models"].items()
    written["models"] = {f"{name}{number}": copy.deepcopy(model) for number in range(COUNT)}
    return dump(written)


def examples() -> list[object]:
    return [
        pytest.param(rule, toml, lock, id=f"{rule.code}-{rule.name}-{number}")
        for rule in load_rules()
        for number, (toml, lock) in enumerate(rule.examples("Bad"))
        if has_one_model(toml)
    ]


@pytest.mark.parametrize(("rule", "toml", "lock"), examples())
def test_a_fault_of_ten_models_is_short(rule: Rule[...], toml: str, lock: str | None) -> None:
    found = [one for one in findings(with_copies(toml), lock) if one.code == rule.code]
    assert len(fold(found)) <= IN_FULL or rule.name == "bad-id"  # the help for each name is another
    assert sum(1 + len(one.more) for one in fold(found)) == len(found)
    if rule.name in ONE_REMEDY:
        assert len(found) == 1


MODEL = '[models.m{0}]\nrepo = "a/m{0}"\npublish = "0.0.0.0:{1}"\nargs = {{ max-model-lem = 8 }}\n'


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """300 models with two errors and two warnings each."""
    models = "\n".join(MODEL.format(number, 9001 + number) for number in range(300))
    (tmp_path / "models.toml").write_text(
        complete(models).replace('unpinned-repo = "off"', 'unpinned-repo = "warning"')
    )
    return tmp_path


def test_three_hundred_models_fit_on_a_screen(many: Path) -> None:
    done = modelgen("validate", cwd=many)
    assert len(done.stdout.splitlines()) < 70
    heads = [line.partition("[")[0] for line in done.stdout.splitlines() if "[MG" in line]
    assert heads == ["error"] * 6 + ["warning"] * 2
    assert "300 models follow a moving branch: `m0`, `m1`, `m2`, `m3`, `m4` and 295 more" in done.stdout
    assert "= and 297 more: lines 19, 24, 29," in done.stdout
    assert done.stderr == "600 errors, 2 warnings; `modelgen explain MG213` says more.\n"


@pytest.mark.parametrize(("command", "stream"), [("validate", "stdout"), ("build", "stderr")])
def test_max_findings_says_how_many_are_left(many: Path, command: str, stream: str) -> None:
    done = modelgen(command, "--max-findings", "1", cwd=many)
    assert getattr(done, stream).count("error[") == 1
    assert done.stderr.splitlines()[-1] == (
        "601 more findings are not shown; `modelgen validate --max-findings 602` shows all."
    )
    assert "not shown" not in modelgen(command, "--max-findings", "602", cwd=many).stderr


def test_formats_for_programs_have_all_findings_in_the_order_of_the_file_unless_limited(many: Path) -> None:
    done = modelgen("validate", "--format", "json", cwd=many)
    found = json.loads(done.stdout)
    assert (len(found), done.stderr) == (602, "")
    assert [one["line"] for one in found] == sorted(one["line"] for one in found)
    done = modelgen("validate", "--format", "json", "--max-findings", "601", cwd=many)
    assert json.loads(done.stdout) == [one for one in found if one["code"] != "MG432"]
    assert done.stderr.startswith("1 more finding is not shown")


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_max_findings_is_a_number_above_zero(many: Path, number: str) -> None:
    assert modelgen("validate", "--max-findings", number, cwd=many).returncode == 2
