"""The keys that tables in flags take: `--speculative-config`, with its methods, and `--compilation-config`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from argparse_reader.catalogue_files import version_key
from argparse_reader.model_registry import changes, present
from argparse_reader.names import World
from argparse_reader.natives import fields
from argparse_reader.program import StaticProgram
from argparse_reader.source_tree import NotUnderstoodError
from argparse_reader.values import ClassValue
from argparse_reader.vllm_known_values import named_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from argparse_reader.source_tree import SourceTree

_KINDS = ("keys", "methods", "compilation")
# What vLLM itself passes to the class (create_speculative_config), and what the class computes.
_INTERNAL = frozenset(
    {"target_model_config", "target_parallel_config", "enable_chunked_prefill", "disable_log_stats"}
    | {"draft_model_config", "draft_parallel_config"}
)


def vllm_tables(tree: SourceTree) -> dict[str, set[str]]:
    """Return the keys of speculative decoding, the values of its `method`, and the keys of compilation.

    Raises:
        NotUnderstoodError: There are no such classes, or the field `method` names no values.
    """
    program = StaticProgram(tree, World(type_checking=True))
    found = _fields(program, "SpeculativeConfig")
    methods = {*named_values(program, found["method"])} if "method" in found else set[str]()
    if not methods:
        raise NotUnderstoodError("vllm.config: the field `method` of SpeculativeConfig names no values")
    return {
        "keys": {name for name in found if not name.startswith("_")} - _INTERNAL,
        "methods": methods,
        "compilation": {name for name in _fields(program, "CompilationConfig") if not name.startswith("_")},
    }


def _fields(program: StaticProgram, name: str) -> dict[str, Any]:
    """Return the fields of a class of vllm.config, with their types."""
    cls = program.value("vllm.config", name)
    if not isinstance(cls, ClassValue):
        raise NotUnderstoodError(f"vllm.config: no class {name}: {cls}")
    return {one.name: one.type for one in fields(program, cls.source.place(cls.node), cls)}


def update_tables(path: Path, found: Mapping[str, Mapping[str, set[str]]], *, anew: bool) -> None:
    """Write the data: for each key and method the releases that added and removed it, alternately.

    Args:
        path: Of the data.
        found: What was read, by release.
        anew: Whether to drop all other releases.
    """
    data: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() and not anew else {"versions": []}
    versions = sorted({*data["versions"], *found}, key=version_key)
    parts = [
        '  "source": "SpeculativeConfig and CompilationConfig in vllm/config of each release"',
        f'  "versions": {json.dumps(versions)}',
    ]
    for kind in _KINDS:
        releases = {version: present(data[kind], version) for version in data["versions"]}
        releases |= {version: names[kind] for version, names in found.items()}
        lines = [
            f"    {json.dumps(name)}: {json.dumps(changes(name, versions, releases))}"
            for name in sorted(set[str]().union(*releases.values()))
        ]
        parts.append(f'  "{kind}": {{\n' + ",\n".join(lines) + "\n  }")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
