"""Every engine with every rule, key and target; and nothing outside `engines` names an engine."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from test_documents_with_errors import KEYS
from toml_plain import dump

from compiling import REPOSITORY, complete
from modelgen.cli.configuration.manual import load_rules
from modelgen.config import Model
from modelgen.engines import ENGINES, TAKERS
from modelgen.pipeline import compile_source
from modelgen.targets import ON_HOST, TARGETS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from modelgen.diagnostics import Rule

COMPILER = REPOSITORY / "compiler" / "modelgen"
CASES = REPOSITORY / "tests" / "snapshot" / "cases"
RULES = [rule for rule in load_rules() if rule.examples("Bad")]
ALLOWED = {
    "config/familiar_names.py": "names of engines in other tools",
    "config/model.py": "the example of the key",
    "load/document.py": "the default of models.toml",
    "hub/loading/inside.py": "a program that runs inside the engines' images and imports them",
}


def page(engine: str) -> str:
    return (REPOSITORY / "docs" / "engines" / f"{engine}.md").read_text(encoding="utf-8")


def example(engine: str) -> str:
    [toml] = re.findall(r"```toml\n(.*?)```", page(engine), re.DOTALL)
    return complete(toml)


@pytest.mark.parametrize("target", [*TARGETS, ON_HOST])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_example_of_its_page_compiles_to_every_target(engine: str, target: str) -> None:
    done = compile_source(example(engine).encode(), targets=(target,))
    assert [finding.message for finding in done.diagnostics] == []
    assert done.artifacts


@pytest.mark.parametrize("engine", ENGINES)
def test_its_page_names_its_own_keys_and_images(engine: str) -> None:
    text = page(engine)
    assert [key for key in ENGINES[engine].keys if not re.search(rf"\b{key}\b", text)] == []
    assert (f"[engines.{engine}]" in text) == bool(ENGINES[engine].starter or ENGINES[engine].needs_repo)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_is_applied_to_every_engine(rule: Rule[...]) -> None:
    cases: list[tuple[tuple[str, str | None], Collection[str]]]
    cases = [(example, TARGETS) for example in rule.examples("Good")]
    cases += [(example, targets) for example in rule.examples("Bad") for targets in (TARGETS, (ON_HOST,))]
    for (toml, lock), targets in cases:
        try:
            document = tomllib.loads(complete(toml))
        except tomllib.TOMLDecodeError:
            continue  # a rule on the text alone
        for engine in ENGINES:
            text = dump(with_engine(document, engine)).encode()
            done = compile_source(text, lock.encode() if lock else None, targets=targets)
            assert done.failed != bool(done.artifacts)


def with_engine(document: dict[str, Any], engine: str) -> dict[str, Any]:
    """Return the document with all models on one engine, whose image is that of the document's engine."""
    models = document.get("models")
    if not isinstance(models, dict):
        return document
    tables = {name: {**table, "engine": engine} if isinstance(table, dict) else table for name, table in models.items()}
    return {**document, "models": tables}


@pytest.mark.parametrize("key", TAKERS)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_key_is_taken_or_refused(engine: str, key: str) -> None:
    document = tomllib.loads(example(engine))
    [table] = document["models"].values()
    table.setdefault(key, KEYS[key])
    found = compile_source(dump(document).encode()).diagnostics
    refused = any(finding.rule == "key-of-another-engine" and f"`{key}`" in finding.message for finding in found)
    assert refused == (key not in ENGINES[engine].keys)


def test_keys_are_keys_of_a_model() -> None:
    assert {*TAKERS} <= {*Model.model_fields}


@pytest.mark.parametrize("engine", ENGINES)
def test_its_flags_are_known_or_taken_as_they_are_written(engine: str) -> None:
    known = ENGINES[engine]
    assert (known.catalogue is not None or known.short_flags is not None) == ("args" in known.keys)
    if known.catalogue is not None:
        release = known.catalogue().releases[-1]
        assert release
        assert known.catalogue().all_names()
    assert known.catalogue is None or known.short_flags is None


@pytest.mark.parametrize("engine", ENGINES)
def test_the_model_is_asked_on_its_own_routes(engine: str) -> None:
    assert ENGINES[engine].warmup({}, {}) in ENGINES[engine].routes
    assert all(route.startswith("/") for route in ENGINES[engine].routes)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_snapshot_case_has_it(engine: str) -> None:
    cases = [tomllib.loads(path.read_text(encoding="utf-8")) for path in CASES.glob("*.toml")]
    assert any(model.get("engine", "vllm") == engine for case in cases for model in case["models"].values())


def test_nothing_else_names_an_engine() -> None:
    """A fact about an engine is a field of its `Engine`: no condition and no table elsewhere is about one engine."""
    found = {
        f"{relative}:{line}"
        for path in sorted(COMPILER.rglob("*.py"))
        if not (relative := path.relative_to(COMPILER).as_posix()).startswith("engines/") and relative not in ALLOWED
        for line in lines_that_name_an_engine(path)
    }
    assert found == set()


def lines_that_name_an_engine(path: Path) -> Iterator[int]:
    # `command` is a key of models.toml and of Compose too; its module is not imported all the same.
    names = {*ENGINES} - {"command"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in names:
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("modelgen.engines"):
            imported = {node.module.removeprefix("modelgen.engines").lstrip("."), *(alias.name for alias in node.names)}
            if imported & {*ENGINES}:
                yield node.lineno
