"""Filters of llama-swap become variants, and keys of clients become hashes."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from imports import errors, imported
from modelgen.cli.app import cli
from modelgen_runtime.gateway.keys import read_keys

if TYPE_CHECKING:
    from pathlib import Path

CMD = "cmd: llama-server -hf o/m:Q4_0 -c 8"
KEYS = f"apiKeys: [sk-team, 'sk-${{env.TEAM}}']\nmodels: {{a: {{{CMD}}}}}\n"


def with_filters(filters: str, more: str = "") -> tuple[dict[str, Any], str, str]:
    found = imported(f"models: {{q: {{{CMD}, filters: {filters}{more}}}}}", "c.yaml")
    assert errors(found) == []
    return tomllib.loads(found.text)["models"]["q"], found.text, "\n".join(found.notes)


def test_each_name_of_set_params_by_id_becomes_a_variant() -> None:
    table, _, notes = with_filters(
        "{setParamsByID: {'${MODEL_ID}:high': {chat_template_kwargs: {effort: high}}, gpt-4o: {seed: 1}, plain: {}}}",
        ", aliases: [{id: gpt-4o, name: GPT}]",
    )
    assert table["variants"] == {
        "high": {"set_params": {"chat_template_kwargs": {"effort": "high"}}},
        "gpt-4o": {"name": "gpt-4o", "set_params": {"seed": 1}},
    }
    assert table["aliases"] == ["plain"]
    assert "filtered" not in notes


def test_a_parameter_that_is_removed_and_then_set_is_set() -> None:
    table, _, notes = with_filters(
        "{stripParams: 'seed, top_p, model', setParams: {top_p: 0.9}, setParamsByID: {q: {seed: 1}, 'q:b': {top_p: 1}}}"
    )
    assert table["variants"] == {
        "b": {"set_params": {"top_p": 1}, "strip_params": ["seed"]},
        "filtered": {"set_params": {"top_p": 0.9, "seed": 1}},
    }
    assert "requests for `q` itself are not edited: clients that need its `filters` send `q:filtered`" in notes


@pytest.mark.parametrize(
    "filters",
    ["{setParams: {stream: true}}", "{stripParams: a.b}", "{setParams: {x: null}}", "{policy: x}", "{setParams: [a]}"],
)
def test_what_no_variant_does_is_said(filters: str) -> None:
    table, text, _ = with_filters(filters)
    assert "variants" not in table
    assert "# Left out:" in text


def run(*args: str) -> tuple[Any, str]:
    found = CliRunner().invoke(cli, [*args], standalone_mode=False)
    return found.return_value if found.exception is None else str(found.exception), found.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(KEYS)
    return tmp_path


def test_keys_are_written_as_hashes(folder: Path) -> None:
    code, said = run("import", "c.yaml")
    assert code == 0
    table = tomllib.loads((folder / "models.toml").read_text())
    keys = folder / table["orchestrator"]["keys_file"]
    assert [*read_keys(keys)] == [hashlib.sha256(b"sk-team").digest()]
    assert {key.role for key in read_keys(keys).values()} == {"user"}
    assert keys.stat().st_mode & 0o777 == 0o600
    assert "keys/keys.txt, which only you can read: hashes of 1 key" in said
    assert "whose values are variables" in said
    assert "sk-" not in said + (folder / "models.toml").read_text() + keys.read_text()


def test_keys_are_not_written_beside_a_printed_file(folder: Path) -> None:
    code, said = run("import", "c.yaml", "--out", "-")
    assert code == 0
    assert not (folder / "keys").exists()
    assert "`--out -` does not write keys/keys.txt" in said


def test_keys_of_the_user_stay(folder: Path) -> None:
    run("import", "c.yaml")
    (folder / "models.toml").unlink()
    assert run("import", "c.yaml")[0] == 0  # as after a run that was killed between both files
    (folder / "models.toml").unlink()
    (folder / "keys" / "keys.txt").write_text("mine")
    assert "keys/keys.txt exists" in run("import", "c.yaml")[0]
    assert (folder / "keys" / "keys.txt").read_text() == "mine"
    assert not (folder / "models.toml").exists()
