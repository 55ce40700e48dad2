"""The architectures of releases are read from registries, and their changes written compactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from test_catalogue_tools import package, sglang, vllm

from argparse_reader.model_registry import sglang_models, update_models, vllm_models
from argparse_reader.source_tree import NotUnderstoodError, open_tree
from argparse_reader.vllm_tables import update_tables, vllm_tables

if TYPE_CHECKING:
    from pathlib import Path

FOUND = {"ReadsForCausalLM": False, "SeesForCausalLM": True}


def test_architectures_of_both_engines(tmp_path: Path) -> None:
    assert vllm_models(open_tree(vllm(tmp_path), "vllm")) == FOUND
    assert sglang_models(open_tree(sglang(tmp_path), "sglang")) == FOUND


def test_a_registry_of_another_form_is_refused(tmp_path: Path) -> None:
    tree = open_tree(package(tmp_path / "vllm-1.0.0", {"vllm/__init__.py": ""}), "vllm")
    for read in (vllm_models, vllm_tables):
        with pytest.raises(NotUnderstoodError):
            read(tree)


def test_keys_of_tables(tmp_path: Path) -> None:
    found = vllm_tables(open_tree(vllm(tmp_path), "vllm"))
    assert found == {"keys": {"model", "method"}, "methods": {"ngram", "own_mtp", "mtp"}, "compilation": {"mode"}}
    path = tmp_path / "vllm_tables.json"
    update_tables(path, {"1.0": found, "1.1": {"keys": {"model"}, "methods": {"mtp"}, "compilation": set()}}, anew=True)
    update_tables(path, {"1.2": found}, anew=False)
    written = json.loads(path.read_text())
    assert written["keys"] == {"method": ["1.0", "1.1", "1.2"], "model": ["1.0"]}
    assert written["methods"] == {"mtp": ["1.0"], "ngram": ["1.0", "1.1", "1.2"], "own_mtp": ["1.0", "1.1", "1.2"]}


def test_what_came_and_went(tmp_path: Path) -> None:
    path = tmp_path / "vllm_models.json"
    update_models(path, "vllm", {"1.0": {"A": False}, "1.1": {}, "1.10": {"A": False, "B": True}}, anew=True)
    update_models(path, "vllm", {"1.9": {"B": True}}, anew=False)
    written = json.loads(path.read_text())
    assert written["versions"] == ["1.0", "1.1", "1.9", "1.10"]
    assert written["models"] == {"A": ["1.0", "1.1", "1.10"], "B": ["1.9"]}
    assert written["multimodal"] == ["B"]
