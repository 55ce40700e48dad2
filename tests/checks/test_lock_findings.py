"""What a models.lock silences, and what it lets one see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiling import build, complete, findings
from modelgen.pipeline import compile_source

COMMIT = "1cfa9a7208912126459214e8b04321603b3df60c"
TEXT = {"architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 40960, "num_attention_heads": 28}
ARGS = "args = { max-model-len = 8 }"


def model(line: str = ARGS, repo: str = "a/b") -> str:
    return f'[rules]\nimage-without-gpu = "off"\n[models.qwen]\nrepo = "{repo}"\n{line}\n'


def entry(repo: str = "a/b", config: dict[str, Any] | None = None, more: str = "") -> str:
    written = "" if config is None else f"config = '{json.dumps(config)}'\n"
    files = f'files = [{{ path = "config.json", size = 726, blob = "{COMMIT}" }}]\n'
    return f'[[snapshots]]\nrepo = "{repo}"\ncommit = "{COMMIT}"\n{more}{files}{written}'


def lora(arg: str) -> str:
    return model(f'loras = {{ x = "a/l" }}\nargs = {{ max-model-len = 8{arg and f", {arg}"} }}')


def adapter(rank: object) -> str:
    return entry("a/l", {"peft_type": "LORA", "r": rank})


def rules(toml: str, lock: str | None) -> list[tuple[str, str]]:
    return [(found.rule, found.help) for found in findings(complete(toml), lock)]


NO_LOCK, EMPTY = None, ""
WEIGHTS = ["*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pt", "*.pth", "*.safetensors"]
TOKENIZER = entry("a/c", more=f"exclude = {json.dumps(WEIGHTS)}\n")
DRAFT = 'speculative-config = { model = "a/d", num_speculative_tokens = 2 }'
JSON_LORA = '{"lora_name": "x", "lora_path": "a/l"}'
SGLANG = '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.9"\n'

CASES: list[tuple[str, str | None, list[str]]] = [
    (model(), NO_LOCK, ["unpinned-repo"]),
    (model(), EMPTY, ["not-locked"]),
    (model(), entry(), []),
    (model('revision = "main"\n' + ARGS), entry(), ["not-locked"]),
    (model('revision = "main"\n' + ARGS), entry(more='revision = "main"\n'), []),
    (model('include = ["x"]\n' + ARGS), entry(), ["not-locked"]),
    (model(repo="local/b"), NO_LOCK, ["unpinned-repo"]),
    (model(repo="local/b"), entry("local/b"), []),
    (model(repo="./b"), entry(), ["path-as-repo"]),
    # what a model needs beside its own repository
    (model(f'revision = "{COMMIT}"\nloras = {{ x = "a/l" }}\n{ARGS}'), NO_LOCK, ["unpinned-repo"]),
    (model(f'revision = "{COMMIT}"\nloras = {{ x = "local/l" }}\n{ARGS}'), NO_LOCK, []),
    (model(f'loras = {{ x = "a/l" }}\n{ARGS}'), entry(), ["not-locked"]),
    (model(f'loras = {{ x = "a/l" }}\n{ARGS}'), entry() + entry("a/l"), []),
    (model(f"args = {{ max-model-len = 8, {DRAFT} }}"), entry(), ["repo-not-locked"]),
    (model(f"args = {{ max-model-len = 8, {DRAFT} }}"), entry() + entry("a/d"), []),
    (model('args = { max-model-len = 8, "speculative-config.model" = "a/d" }'), entry(), ["repo-not-locked"]),
    (model('args = { max-model-len = 8, speculative-config = { model = "ngram" } }'), entry(), []),
    (model('args = { max-model-len = 8, tokenizer = "a/c" }'), entry(), ["repo-not-locked"]),
    (model('args = { max-model-len = 8, tokenizer = "a/c" }'), entry() + TOKENIZER, []),
    (model('args = { max-model-len = 8, tokenizer = "./c" }'), entry(), []),
    (SGLANG + model('engine = "sglang"\nargs = { lora-paths = ["x=a/l", "./y"] }'), entry(), ["repo-not-locked"]),
    (SGLANG + model('engine = "sglang"\nargs = { lora-paths = ["x=a/l"] }'), entry() + entry("a/l"), []),
    (SGLANG + model(f"engine = 'sglang'\nargs = {{ lora-paths = ['{JSON_LORA}'] }}"), entry(), ["repo-not-locked"]),
    (SGLANG + model(f"engine = 'sglang'\nargs = {{ lora-paths = ['{JSON_LORA}'] }}"), entry() + entry("a/l"), []),
    (
        model(f"trust_remote_code = true\n{ARGS}"),
        entry(config={"auto_map": {"AutoModel": "a/code--modeling.M"}}),
        ["repo-not-locked"],
    ),
    (model(f'model_arg = "path"\nrevision = "{COMMIT}"\n{ARGS}'), NO_LOCK, ["no-snapshot"]),
    (model(f'model_arg = "path"\n{ARGS}'), entry(), []),
    (model(f'model_arg = "repo"\n{ARGS}'), entry(), []),
    # by the config.json
    (model("args = { max-model-len = 40960 }"), entry(config=TEXT), []),
    (model("args = { max-model-len = '40k' }"), entry(config=TEXT), []),
    (model("args = { max-model-len = '41K' }"), entry(config=TEXT), ["length-over-model"]),
    (model("args = { max-model-len = 40961 }"), entry(config=TEXT), ["length-over-model"]),
    (model("args = { max-model-len = 40961 }"), entry(config={"text_config": TEXT}), ["length-over-model"]),
    (model("args = { max-model-len = 40961 }"), entry(config={**TEXT, "rope_scaling": {"factor": 4.0}}), []),
    (
        model("args = { max-model-len = 40961 }"),
        entry(config={**TEXT, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}),
        ["length-over-model"],
    ),
    (
        model("args = { max-model-len = 40961 }"),
        entry(config={**TEXT, "rope_scaling": {"type": "mrope", "mrope_section": [1]}}),
        ["length-over-model"],
    ),
    (model("args = { max-model-len = 40961 }"), entry(config={**TEXT, "model_max_length": 8}), []),
    (model("args = { max-model-len = 40961, hf-overrides = { x = 1 } }"), entry(config=TEXT), []),
    (
        model('args = { max-model-len = 40961 }\nenv = { VLLM_ALLOW_LONG_MAX_MODEL_LEN = "1" }'),
        entry(config=TEXT),
        [],
    ),
    (SGLANG + model('engine = "sglang"\nargs = { context-length = 40961 }'), entry(config=TEXT), ["length-over-model"]),
    (model("args = { max-model-len = 8, tp = 3 }"), entry(config=TEXT), ["heads-over-cards"]),
    (model("args = { max-model-len = 8, tp = 4 }"), entry(config=TEXT), []),
    (model("args = { max-model-len = 8, tp = 3 }"), entry(config={"text_config": TEXT}), ["heads-over-cards"]),
    (model("args = { max-model-len = 8, tp = 3 }"), entry(config={"text_config": {}, **TEXT}), []),
    (
        SGLANG + model('engine = "sglang"\nargs = { tp-size = 3, enable-dp-attention = true }'),
        entry(config=TEXT),
        [],
    ),
    (model(""), entry(config=TEXT), ["whole-context"]),
    (model(""), entry(config={**TEXT, "architectures": ["BertModel"]}), ["missing-max-model-len"]),
    (model(""), entry(config={**TEXT, "rope_scaling": {"factor": 4.0}}), ["missing-max-model-len"]),
    (model(""), entry(), ["missing-max-model-len"]),
    (model(), entry(config={"auto_map": {"AutoModel": "modeling.M"}}), ["code-not-trusted"]),
    (model(f"trust_remote_code = false\n{ARGS}"), entry(config={"auto_map": {"AutoModel": "modeling.M"}}), []),
    (model(), entry(config={"model_type": "gpt_oss"}), ["asset-not-locked"]),
    (model(f'{ARGS}\nenv = {{ TIKTOKEN_ENCODINGS_BASE = "/x" }}'), entry(config={"model_type": "gpt_oss"}), []),
    (model(), '[[snapshots]]\nrepo = "a/b"\n', ["bad-lock", "unpinned-repo"]),
    # by the ranks of adapters
    (lora("max-lora-rank = 16"), entry() + adapter(16), []),
    (lora("max-lora-rank = 16"), entry() + adapter(17), ["rank-over-limit"]),
    (lora('"max_lora_rank" = "16"'), entry() + adapter(64), ["rank-over-limit"]),
    (lora("max-lora-rank = 16"), entry() + adapter(rank=True), []),
    (lora(""), entry() + adapter(64), []),
    (lora(""), entry() + adapter(512), []),
    (lora(""), entry() + adapter(513), ["rank-over-limit"]),
    (
        SGLANG + model('engine = "sglang"\nargs = { max-lora-rank = 8, lora-paths = ["x=a/l"] }'),
        entry() + adapter(16),
        ["rank-over-limit"],
    ),
]


@pytest.mark.parametrize(("toml", "lock", "expected"), CASES, ids=range(len(CASES)))
def test_finding(toml: str, lock: str | None, expected: list[str]) -> None:
    assert sorted(rule for rule, _ in rules(toml, lock)) == sorted(expected)


@pytest.mark.parametrize(
    ("toml", "lock"),
    [
        (model(repo="Qwen/qwen3-4b"), entry("Qwen/Qwen3-4B")),
        (model('args = { max-model-len = 8, tokenizer = "Qwen/qwen3-4b" }'), entry() + entry("Qwen/Qwen3-4B")),
        (model(f'loras = {{ x = "Qwen/qwen3-4b" }}\n{ARGS}'), entry() + entry("Qwen/Qwen3-4B")),
    ],
)
def test_another_spelling(toml: str, lock: str) -> None:
    assert rules(toml, lock)[-1][1] == "did you mean `Qwen/Qwen3-4B`?"


def test_a_file_that_is_not_there_is_guessed() -> None:
    toml = (
        'engine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\nfile = "x-Q4_K_N.gguf"\n'
        "args = { ctx-size = 8 }"
    )
    lock = entry(more='include = ["x-Q4_K_N.gguf"]\nleft_out = ["x-Q4_K_M.gguf", "x-Q8_0.gguf"]\n')
    assert rules(model(toml), lock) == [("file-not-locked", "did you mean `x-Q4_K_M.gguf`?")]


def test_a_part_that_is_not_there() -> None:
    toml = (
        'engine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\nfile = "x-00001-of-00002.gguf"\n'
        "args = { ctx-size = 8 }"
    )
    lock = entry(more='include = ["x-*-of-00002.gguf"]\ngguf = []\n').replace("config.json", "x-00001-of-00002.gguf")
    (found,) = findings(complete(model(toml)), lock)
    assert (found.rule, found.message) == ("file-not-locked", "models.lock has no `x-00002-of-00002.gguf` of a/b")


def test_all_errors_that_a_lock_can_mend_are_of_the_fifth_hundred() -> None:
    """`modelgen lock` goes on in spite of these, and of no others."""
    for toml, lock, _ in CASES:
        for found in findings(complete(toml), lock):
            is_stale = found.rule in ("not-locked", "repo-not-locked", "no-snapshot", "asset-not-locked", "id-offline")
            assert not is_stale or found.code.startswith("MG5"), found


def test_the_start_period_follows_from_the_bytes() -> None:
    lock = entry().replace("size = 726", "size = 20_000_000_000")
    assert "start_period: 400s" in build(complete(model()), lock)["docker-compose.yml"]
    windows = '[host]\nplatform = "wsl2"\n[project]\nname = "x"\nhub = "C:/hub"\n' + model()
    assert "start_period: 1300s" in build(complete(windows), lock)["docker-compose.yml"]
    written = model(f'start_timeout = "10m"\n{ARGS}')
    assert "start_period: 600s" in build(complete(written), lock)["docker-compose.yml"]


def test_a_tokenizer_revision_of_the_users_own_is_replaced_by_its_commit() -> None:
    toml = model('args = { max-model-len = 8, tokenizer = "a/c", tokenizer-revision = "main" }')
    lock = entry() + TOKENIZER.replace("[[snapshots]]\n", '[[snapshots]]\nrevision = "main"\n')
    compilation = compile_source(complete(toml).encode(), lock.encode())
    assert compilation.fleet is not None
    command = compilation.fleet.services[0].launch.command
    assert command[command.index("--tokenizer-revision") + 1] == COMMIT
    assert "main" not in command


PLAIN = {**TEXT, "model_type": "qwen3", "torch_dtype": "bfloat16", "num_key_value_heads": 8, "head_dim": 128}


@pytest.mark.parametrize(
    ("change", "args", "size"),
    [
        ({}, "", "5.62"),
        ({"num_key_value_heads": 4}, "", "2.81"),
        ({"model_type": "gpt_oss_like"}, "", None),
        ({"sliding_window": 4096}, "", None),
        ({"sliding_window": 4096, "use_sliding_window": False}, "", "5.62"),
        ({"head_dim": None}, "", None),
        ({"torch_dtype": "float32"}, "", None),
        ({}, 'args = { kv-cache-dtype = "fp8" }', None),
    ],
)
def test_what_a_whole_context_takes_is_said_where_it_is_plain(
    change: dict[str, Any], args: str, size: str | None
) -> None:
    (found,) = findings(complete(model(args)), entry(config={**PLAIN, "num_hidden_layers": 36, **change}))
    assert found.rule == "whole-context"
    assert ("GiB" in found.message) is (size is not None)
    assert size is None or f"which need {size} GiB of KV cache" in found.message


def test_models_that_follow_a_branch_are_one_finding() -> None:
    tables = [f'[models.m{number}]\nrepo = "a/b{number}"\nargs = {{ max-model-len = 8 }}\n' for number in range(7)]
    pinned = f'[models.pinned]\nrepo = "a/c"\nrevision = "{"1" * 40}"\nargs = {{ max-model-len = 8 }}\n'
    text = pinned + "".join(tables) + '[rules]\nunpinned-repo = "warning"\nimage-without-gpu = "off"\n'
    [found] = findings(complete(text))
    assert found.message == "7 models follow a moving branch: `m0`, `m1`, `m2`, `m3`, `m4` and 2 more"
    assert (found.span.line, found.help) == (6, "run `modelgen lock`")


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        (("m-Q4_K_M.gguf", "config.json"), {"MG248"}),
        (("m-Q4_K_M.gguf", "model.safetensors"), set()),
        (("model.safetensors",), set()),
    ],
)
def test_only_gguf_files_are_not_for_vllm(files: tuple[str, ...], codes: set[str]) -> None:
    blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4"
    listed = ", ".join(f'{{ path = "{file}", size = 726, blob = "{blob}" }}' for file in files)
    lock = f'format = 1\n[[snapshots]]\nrepo = "o/m-GGUF"\ncommit = "{blob}"\nfiles = [{listed}]\n'
    toml = complete('[models.qwen]\nrepo = "o/m-GGUF"\ngpus = ["gpu0"]\nargs = { max-model-len = 8192 }\n')
    assert {one.code for one in findings(toml, lock)} & {"MG248", "MG264"} == codes


def test_a_missing_file_is_one_error() -> None:
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    toml = f'[models.q]\nengine = "llamacpp"\nimage = "{image}"\nrepo = "o/m"\nargs = {{ ctx-size = 8 }}\n'
    assert [one.rule for one in findings(complete(toml)) if one.severity == "error"] == ["missing-file"]
