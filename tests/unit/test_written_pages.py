"""The pages that tools/write_pages.py makes are up to date, and what they are made from is complete."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

import write_pages
from compiling import build, complete, findings
from modelgen.config import Config, Defaults
from modelgen.config.schema import json_schema
from modelgen.engines import ENGINES
from modelgen.engines.command import NAME as COMMAND
from written_pages import models_toml
from written_pages.compose_keys import all_tables
from written_pages.keys import Key, is_toml, keys_of
from written_pages.markdown import MARK, toml
from written_pages.models_toml import TABLES
from written_pages.rule_places import rules_by_key

if TYPE_CHECKING:
    from pathlib import Path

KEYS = [(name, key) for name, (table, _) in TABLES.items() for key in keys_of(table)]
COMPOSE_KEYS = [(table.__name__, key) for table in all_tables() for key in keys_of(table)]
ALL_KEYS = [("", keys_of(Config)[0]), *KEYS, *COMPOSE_KEYS]
LITERAL = [(name, key) for name, key in KEYS if key.default is not None and is_toml(key.default)]
SHAPE = {"unknown-key", "missing-key", "wrong-type", "bad-value", "owned-compose-key", "old-name"}


def ids(value: object) -> str:
    return value.name if isinstance(value, Key) else str(value)


def test_the_pages_are_up_to_date() -> None:
    assert write_pages.main(["--check"]) == 0, "run `python tools/write_pages.py`"


def test_other_pages_are_out_of_date_and_superfluous_ones_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(write_pages.DOCS, docs)
    monkeypatch.setattr(write_pages, "DOCS", docs)
    assert write_pages.main(["--check"]) == 0
    (docs / "rules.md").write_text("old")
    (docs / "reference" / "gone.md").write_text(f"{MARK} from nothing. -->\n")
    (docs / "by-hand.md").write_text("# By hand\n")
    assert write_pages.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "docs/rules.md is out of date" in told
    assert "docs/reference/gone.md is out of date" in told
    assert write_pages.main([]) == 0
    assert write_pages.main(["--check"]) == 0
    assert not (docs / "reference" / "gone.md").exists()
    assert (docs / "by-hand.md").exists()


@pytest.mark.parametrize(("table", "key"), ALL_KEYS, ids=ids)
def test_a_key_has_a_description_of_sentences(table: str, key: Key) -> None:
    assert re.fullmatch(r"[A-Z`].*\.", key.meaning), f"{table}.{key.name}: {key.meaning!r}"
    assert "  " not in key.meaning
    assert len(key.meaning) <= 300
    assert key.type


def test_every_key_and_table_of_the_schema_has_a_description() -> None:
    schema = json_schema()
    tables = {"": schema, **schema["$defs"]}
    assert [name for name, table in tables.items() if not table.get("description")] == []
    assert [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, value in table.get("properties", {}).items()
        if not value.get("description")
    ] == []


@pytest.mark.parametrize(("table", "key"), KEYS, ids=ids)
def test_an_optional_key_has_a_default_and_a_required_one_none(table: str, key: Key) -> None:
    field = TABLES[table][0].model_fields[key.name]
    assert (key.default is None) == field.is_required()


@pytest.mark.parametrize(("table", "key"), LITERAL, ids=ids)
def test_a_default_is_the_real_one(table: str, key: Key) -> None:
    """Writing it changes nothing, and writing another value does, or is refused."""
    with_default, without = (built(table, key, line) for line in (f"{key.name} = {key.default}", ""))
    assert with_default == without
    if key.name != "fork":  # it changes what is a finding, and nothing that is built
        assert built(table, key, f"{key.name} = {another(key)}") != without


def another(key: Key) -> str:
    example = toml(key.examples[0])
    if example != key.default:
        return example
    return '"sglang"' if key.name == "engine" else '"sleep"'


def built(table: str, key: Key, line: str) -> dict[str, str] | None:
    """Return what a file with this line in a table is built to, without the places of keys; None if it is refused."""
    is_command = key.name in ENGINES[COMMAND].keys
    model = 'engine = "command"\nimage = "mine:1"\ncommand = ["serve", "{port}"]\n' if is_command else 'repo = "a/b"\n'
    if not is_command:
        # Only a fork may have flags that its release lacks.
        model += f"args = {{ max-model-len = 8{', flag-of-a-fork = 1' if key.name == 'fork' else ''} }}\n"
    if key.name != "listen":
        model += 'publish = "127.0.0.1:8001"\n'
    lines = {
        "host": "",
        "models.a": f'{model}gpus = ["gpu0"]\n',
        "profiles.chat": 'models = ["a"]\n',
        "orchestrator": "",
    }
    lines["gpus.gpu0"] = 'memory = "24GiB"\ndevice = "0"\n'
    lines["engines.vllm"] = 'image = "vllm/vllm-openai:v0.11.0"\n'
    written = {"models.ID": "models.a", "gpus.NAME": "gpus.gpu0", "engines.NAME": "engines.vllm"}
    written["profiles.NAME"] = "profiles.chat"
    lines[written.get(table, table)] += line
    text = complete("".join(f"[{name}]\n{body}\n" for name, body in lines.items()))
    if any(finding.severity.value == "error" for finding in findings(text)):
        return None
    artifacts = build(text)
    for path in artifacts:
        if path.endswith("manifest.json"):
            manifest = json.loads(artifacts[path])
            models = [{**model, "sources": None} for model in manifest["models"]]
            artifacts[path] = json.dumps({**manifest, "models": models})
    return artifacts


@pytest.mark.parametrize(("table", "key"), KEYS, ids=ids)
def test_an_example_is_valid(table: str, key: Key) -> None:
    assert key.examples, f"{table}.{key.name} has no example"
    for example in key.examples:
        shown = models_toml.shown_example(key._replace(examples=[example]), TABLES[table][1])
        fragment = shown.removeprefix("```toml\n").removesuffix("```\n")
        assert tomllib.loads(fragment)
        assert [found for found in findings(complete(fragment)) if found.rule in SHAPE - {"missing-key"}] == []


@pytest.mark.parametrize(("table", "key"), [pair for pair in COMPOSE_KEYS if pair[0] == "ComposeKeys"], ids=ids)
def test_an_example_of_a_compose_key_is_valid(table: str, key: Key) -> None:  # noqa: ARG001 - for the name of the test
    [example] = key.examples
    fragment = f'[models.a]\nrepo = "a/b"\n[models.a.compose]\n{key.name} = {toml(example)}\n'
    assert [found for found in findings(complete(fragment)) if found.rule in SHAPE] == []


def test_rules_are_linked_from_the_keys_that_they_speak_of() -> None:
    rules = {key: {rule.name for rule in found} for key, found in rules_by_key().items()}
    assert "path-as-repo" in rules["models.ID.repo"]
    assert "missing-repo" in rules["models.ID.repo"]  # its finding is at the header of the table
    assert "driver-too-old" in rules["host.driver"]  # its finding is at the image
    assert "bad-id" in rules["models.ID"]
    assert "small-shm" in rules["models.ID.compose.shm_size"]
    assert "unknown-rule" in rules["rules"]
    named = {f"{name}.{key.name}" for name, key in KEYS} | {f"models.ID.compose.{key.name}" for _, key in COMPOSE_KEYS}
    assert set(rules) - named <= {"models.ID", "rules"}, "a rule is on no page"


def test_every_key_is_on_its_page() -> None:
    page = models_toml.write()
    for name, key in KEYS:
        assert f"\n### `{name}.{key.name}`\n" in page
    for name in Defaults.model_fields:
        assert f"(#modelsid{name})" in page
