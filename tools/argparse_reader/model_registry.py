"""The architectures that a release of an engine serves itself, from its registry of models."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

from argparse_reader.catalogue_files import version_key
from argparse_reader.source_tree import NotUnderstoodError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from argparse_reader.source_tree import Source, SourceTree

_VLLM_REGISTRY, _VLLM_MODELS = "vllm.model_executor.models.registry", "_VLLM_MODELS"
_VLLM_MULTIMODAL = "_MULTIMODAL_MODELS"
_SGLANG_MODELS, _SGLANG_ENTRY = "sglang/srt/models", "EntryClass"
_SGLANG_CONFIG, _SGLANG_MULTIMODAL = "sglang.srt.configs.model_config", "multimodal_model_archs"


def vllm_models(tree: SourceTree) -> dict[str, bool]:
    """Return the architectures of vLLM's registry, each with whether it is multimodal.

    Raises:
        NotUnderstoodError: The registry has another form.
    """
    source = tree.source(_VLLM_REGISTRY)
    if source is None:
        raise NotUnderstoodError(f"{_VLLM_REGISTRY} is missing")
    tables = {name: value for name, value in _assigned(source) if isinstance(value, ast.Dict)}
    if _VLLM_MODELS not in tables or _VLLM_MULTIMODAL not in tables:
        raise NotUnderstoodError(f"{source.path}: no {_VLLM_MODELS} or {_VLLM_MULTIMODAL}")
    multimodal = {*_keys(source, tables, tables[_VLLM_MULTIMODAL])}
    return {name: name in multimodal for name in _keys(source, tables, tables[_VLLM_MODELS])}


def sglang_models(tree: SourceTree) -> dict[str, bool]:
    """Return the architectures of SGLang's models, which are the names of their entry classes.

    Raises:
        NotUnderstoodError: The folder of models has another form.
    """
    config = tree.source(_SGLANG_CONFIG)
    listed = dict(_assigned(config)).get(_SGLANG_MULTIMODAL) if config else None
    multimodal = {*_strings(listed)} if listed is not None else set()
    found = {
        name: name in multimodal
        for source in tree.sources_below(_SGLANG_MODELS)
        for key, value in _assigned(source)
        if key == _SGLANG_ENTRY
        for name in _names(value)
    }
    if not found or not multimodal:
        raise NotUnderstoodError(f"{_SGLANG_MODELS}: no {_SGLANG_ENTRY}, or no {_SGLANG_MULTIMODAL}")
    return found


def update_models(path: Path, engine: str, found: Mapping[str, Mapping[str, bool]], *, anew: bool) -> None:
    """Write the data of an engine's architectures: first release, release without it, first release that has it again.

    Args:
        path: Of the data.
        engine: The name that it has in models.toml.
        found: The architectures that were read, by release.
        anew: Whether to drop all other releases.
    """
    data: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() and not anew else {"versions": []}
    releases: dict[str, set[str]] = {version: present(data["models"], version) for version in data["versions"]}
    releases |= {version: {*models} for version, models in found.items()}
    versions = sorted(releases, key=version_key)
    multimodal = {*data.get("multimodal", ())}
    multimodal |= {name for models in found.values() for name, is_multimodal in models.items() if is_multimodal}
    names = sorted(set[str]().union(*releases.values()))
    written = [f"    {json.dumps(name)}: {json.dumps(changes(name, versions, releases))}" for name in names]
    head = [
        f'  "engine": {json.dumps(engine)}',
        f'  "source": {json.dumps(_SOURCES[engine])}',
        f'  "versions": {json.dumps(versions)}',
        f'  "multimodal": {json.dumps(sorted(multimodal))}',
    ]
    joined = ",\n".join(written)
    path.write_text("{\n" + ",\n".join(head) + ',\n  "models": {\n' + joined + "\n  }\n}\n", encoding="utf-8")


_SOURCES = {
    "vllm": "vllm/model_executor/models/registry.py of each release",
    "sglang": "sglang/srt/models and sglang/srt/configs/model_config.py of each release",
    "tei": "the model types in backends/candle/src/lib.rs of each release",
}


def changes(name: str, versions: list[str], releases: Mapping[str, set[str]]) -> list[str]:
    """Return the releases that added and removed a name, alternately."""
    found: list[str] = []
    for version in versions:
        if (name in releases[version]) == (len(found) % 2 == 0):
            found.append(version)
    return found


def present(data: Mapping[str, Sequence[str]], version: str) -> set[str]:
    """Return the names that a release has, of data with the releases that added and removed each, alternately."""
    at = version_key(version)
    return {name for name, found in data.items() if sum(version_key(change) <= at for change in found) % 2 == 1}


def _assigned(source: Source) -> Iterator[tuple[str, ast.expr]]:
    """Yield the assignments at the top of a module, also below `if` and `try`."""
    todo: list[ast.stmt] = [*source.tree.body]
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.If | ast.Try):
            todo += node.body
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _keys(source: Source, tables: Mapping[str, ast.Dict], table: ast.Dict) -> Iterator[str]:
    for key, value in zip(table.keys, table.values, strict=True):
        if key is None and isinstance(value, ast.Name) and value.id in tables:
            yield from _keys(source, tables, tables[value.id])
        elif key is None and isinstance(value, ast.DictComp):
            continue  # entries of another table under the same names, selected by their class
        elif isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
        else:
            raise NotUnderstoodError(f"{source.place(value)}: a key that is neither a string nor a known table")


def _names(value: ast.expr) -> Iterator[str]:
    for node in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
        if isinstance(node, ast.Name):
            yield node.id


def _strings(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
