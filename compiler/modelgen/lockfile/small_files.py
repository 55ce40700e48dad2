"""Read the facts about a snapshot from its small files. Code of a repository is parsed and never run."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from modelgen.lockfile.entries import MAX_IMPORTS, SnapshotFacts
from modelgen.lockfile.facts import (
    CODE,
    CONFIGS,
    TEMPLATE_CONFIGS,
    TEMPLATE_FILES,
    TOKENIZER_CONFIG,
    has_facts,
    runs_code,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.lockfile.wants import Want

_MODELS = "AutoModel"
_LONGEST_NAME = 100
_PACKAGE = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)


def facts_of(want: Want, texts: Mapping[str, bytes]) -> SnapshotFacts | None:
    """Return the facts about a repository; None in a use that needs none.

    Args:
        want: The use of the repository.
        texts: The contents of the files that `tells_facts` selects, by path.
    """
    if not has_facts(want):
        return None
    tables = {path: _table(texts[path]) for path in CONFIGS if path in texts}
    template = next(_templates(texts, tables), None)
    tokenizer = tables.get(TOKENIZER_CONFIG, {}).get("tokenizer_class")
    imports, of_model = _imports(texts, tables) if runs_code(want) else (set[str](), set[str]())
    return SnapshotFacts(
        chat_template=template[0] if template else None,
        chat_template_sha256=hashlib.sha256(template[1]).hexdigest() if template else None,
        tokenizer_class=tokenizer[:_LONGEST_NAME] if isinstance(tokenizer, str) else None,
        auto_map=[path for path, table in tables.items() if table.get("auto_map")],
        imports=sorted(imports)[:MAX_IMPORTS] if runs_code(want) else None,
        model_imports=sorted(of_model)[:MAX_IMPORTS],
    )


def _templates(texts: Mapping[str, bytes], tables: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield the places of chat templates with their contents, in the order in which transformers prefers them."""
    yield from ((path, texts[path]) for path in TEMPLATE_FILES if path in texts)
    for path in TEMPLATE_CONFIGS:
        if written := tables.get(path, {}).get("chat_template"):
            text = written if isinstance(written, str) else json.dumps(written, sort_keys=True)
            yield path, text.encode(errors="replace")


def _table(data: bytes) -> Mapping[str, Any]:
    try:
        table = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def _imports(texts: Mapping[str, bytes], tables: Mapping[str, Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Return the packages that code imports in any case: that of configs and tokenizers, and that of models.

    Engines load the code of a model only if they do not serve its architecture themselves. Without an `auto_map`, other
    repositories name the code, so all of it may be that of a model.
    """
    trees = {path: tree for path, data in texts.items() if path.endswith(CODE) and (tree := _parsed(data)) is not None}
    named = [reference for table in tables.values() for reference in _named(table.get("auto_map"))]
    roots = {path for kind, path in named if not kind.startswith(_MODELS)}
    small = _reached(trees, roots)
    return _packages(trees, small), _packages(trees, {*trees} - small if named else {*trees})


def _parsed(data: bytes) -> ast.Module | None:
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _named(auto_map: object) -> Iterator[tuple[str, str]]:
    """Yield kind and file of each class that an `auto_map` names in its own repository."""
    for kind, written in auto_map.items() if isinstance(auto_map, dict) else ():
        for reference in written if isinstance(written, list) else [written]:
            if isinstance(reference, str) and "--" not in reference:
                yield str(kind), f"{reference.rpartition('.')[0].replace('.', '/')}{CODE}"


def _reached(trees: Mapping[str, ast.Module], roots: set[str]) -> set[str]:
    """Return the files that code imports relatively, itself included."""
    todo, found = [*roots & trees.keys()], set[str]()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            folder = path.rpartition("/")[0]
            for node in ast.walk(trees[path]):
                if isinstance(node, ast.ImportFrom) and node.level == 1:
                    modules = [node.module] if node.module else [alias.name for alias in node.names]
                    files = (f"{folder}/{one.replace('.', '/')}{CODE}".lstrip("/") for one in modules)
                    todo += [file for file in files if file in trees]
    return found


def _packages(trees: Mapping[str, ast.Module], paths: set[str]) -> set[str]:
    return {name for path in paths for name in _imported(trees[path]) if _PACKAGE.fullmatch(name)}


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the packages that a module imports outside of `try` and `if is_…_available()`.

    transformers refuses to load code that imports a missing package, with the same two exceptions
    (dynamic_module_utils.py, get_imports).
    """
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Try) or (isinstance(node, ast.If) and _asks_for_package(node.test)):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
        todo += ast.iter_child_nodes(node)


def _asks_for_package(test: ast.expr) -> bool:
    names = (
        getattr(node.func, "id", getattr(node.func, "attr", ""))
        for node in ast.walk(test)
        if isinstance(node, ast.Call)
    )
    return any("available" in name or name.startswith("is_") for name in names) or any(
        isinstance(node, ast.Name) and node.id == "TYPE_CHECKING" for node in ast.walk(test)
    )
