"""The table of `speculative-config` holds keys and methods that the release has, and a method that the model allows."""

from __future__ import annotations

import json

import pytest

from compiling import check, complete, findings
from modelgen.engines.catalogues import DATA

DATA_OF_DRAFTS = json.loads((DATA / "vllm_tables.json").read_bytes())
CONFIGS = {
    "qwen3": {"model_type": "qwen3"},
    "deepseek": {"model_type": "deepseek_v3", "num_nextn_predict_layers": 1},
    "kimi": {"model_type": "kimi_k2", "num_nextn_predict_layers": 0},
    "qwen3.5": {"model_type": "qwen3_5", "text_config": {"mtp_num_hidden_layers": 1}},
    "step": {"model_type": "step3p5"},
}


def file(table: str, version: str = "0.33.0") -> str:
    return complete(f"""\
[engines.vllm]
image = "vllm/vllm-openai:v{version}"
[models.qwen]
repo = "Qwen/Qwen3-4B"
gpus = ["gpu0"]
args = {{ max-model-len = 8192, speculative-config = {table} }}
""")


def draft_findings(toml: str) -> list[tuple[str, str, str]]:
    return [(one.code, one.message, one.help) for one in findings(toml) if one.code == "MG263"]


@pytest.mark.parametrize("kind", ["keys", "methods"])
def test_each_name_is_known_from_its_first_release_and_not_before(kind: str) -> None:
    versions = DATA_OF_DRAFTS["versions"]
    for name, (first, *_) in DATA_OF_DRAFTS[kind].items():
        entry = f"{name} = 1" if kind == "keys" else f'method = "{name}"'
        assert not draft_findings(file(f"{{ {entry} }}", first)), name
        before = versions[: versions.index(first)][-1:]
        if before and (kind == "keys" or before[0] not in ("0.8.5.post1", "0.9.0.1")):
            [(_, message, help_text)] = draft_findings(file(f"{{ {entry} }}", before[0]))
            assert f"`{name}`" in message
            assert help_text == f"it appeared in {first}"


@pytest.mark.parametrize(
    ("table", "version", "help_text"),
    [
        ('{ method = "ngram", disable_by_batch_size = 8 }', "0.17.0", "it was removed in 0.17.0"),
        ('{ method = "egale3", num_speculative_tokens = 3 }', "0.11.0", "did you mean `eagle3`?"),
        ('\'{"method": "ngram", "num_speculative_token": 3}\'', "0.11.0", "did you mean `num_speculative_tokens`?"),
    ],
)
def test_the_help_says_what_to_write(table: str, version: str, help_text: str) -> None:
    assert help_text in [found[2] for found in draft_findings(file(table, version))]


def test_a_dash_for_an_underscore_and_a_newer_release_are_no_findings() -> None:
    assert not draft_findings(file('{ method = "ngram", num-speculative-tokens = 3 }'))
    assert not draft_findings(file('{ method = "new", new_key = 3 }', "0.99.0"))


@pytest.mark.parametrize(
    ("config", "table", "codes"),
    [
        ("qwen3", '{ method = "mtp", num_speculative_tokens = 1 }', {"MG535"}),
        ("kimi", '{ method = "deepseek_mtp", num_speculative_tokens = 1 }', {"MG535"}),
        ("deepseek", '{ method = "mtp", num_speculative_tokens = 1 }', set()),
        ("qwen3.5", '{ method = "mtp", num_speculative_tokens = 1 }', set()),
        ("step", '{ method = "mtp", num_speculative_tokens = 1 }', set()),
        ("qwen3", '{ method = "ngram", num_speculative_tokens = 1 }', set()),
    ],
)
def test_mtp_needs_layers_for_it(config: str, table: str, codes: set[str]) -> None:
    lock = f"""\
format = 1
[[snapshots]]
repo = "Qwen/Qwen3-4B"
commit = "1cfa9a7208912126459214e8b04321603b3df60c"
files = [{{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }}]
config = '{json.dumps(CONFIGS[config])}'
"""
    assert {one.code for one in findings(file(table), lock)} & {"MG501", "MG535"} == codes


def test_draft_of_llamacpp_on_vllm_names_the_flag() -> None:
    toml = file('{ method = "ngram", num_speculative_tokens = 3 }') + "[models.qwen.draft]\nrepo = 'Qwen/Qwen3-0.6B'\n"
    assert 'speculative-config = { model = "Qwen/Qwen3-0.6B", num_speculative_tokens = 4 }' in check(toml)


@pytest.mark.parametrize(
    ("table", "version", "help_text"),
    [
        ('{ cuda_graph_mode = "FULL" }', "0.19.0", "did you mean `cudagraph_mode`?"),
        ("{ level = 3 }", "0.19.0", "it was removed in 0.18.0"),
        ("{ level = 3 }", "0.17.1", ""),
        ("{ compile_ranges_endpoints = [1] }", "0.17.1", "it appeared in 0.18.0"),
        ("{ cuda_graph_mode = 1 }", "0.12.0", ""),
        ("{ cudagraph_capture_sizes = [1, 2, 4], pass_config = { fuse_norm_quant = true } }", "0.33.0", ""),
        ("3", "0.19.0", ""),
    ],
)
def test_keys_of_the_compilation_config(table: str, version: str, help_text: str) -> None:
    toml = file("{ }", version).replace("speculative-config = { }", f"compilation-config = {table}")
    assert [one.help for one in findings(toml) if one.code == "MG270"] == ([help_text] if help_text else [])
