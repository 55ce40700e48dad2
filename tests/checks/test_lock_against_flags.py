"""Setups from public threads that models.lock shows to be wrong, each as it was and with the right value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiling import complete, findings
from modelgen.engines import ENGINES
from modelgen.engines.images.versions import parse_version

COMMIT = "1cfa9a7208912126459214e8b04321603b3df60c"
CARDS = '[gpus.g0]\nmemory = "80GiB"\ndevice = "0"\n[gpus.g1]\nmemory = "80GiB"\ndevice = "1"\n'
FILES = ("config.json", "tokenizer_config.json")
TEMPLATE = {"chat_template": "tokenizer_config.json"}
NEITHER: dict[str, str] = {}


def entry(
    repo: str, config: dict[str, Any], facts: dict[str, Any] | None = None, files: tuple[str, ...] = FILES
) -> str:
    """Return the lock's entry of a repository; without `facts`, one of an older modelgen."""
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in (facts or {}).items())
    listed = ", ".join(f'{{ path = "{path}", size = 726, blob = "{COMMIT}" }}' for path in files)
    known = "" if facts is None else f"facts = {{ {pairs} }}\n"
    head = f'[[snapshots]]\nrepo = "{repo}"\ncommit = "{COMMIT}"\n'
    return f"{head}{known}files = [{listed}]\nconfig = '{json.dumps(config)}'\n"


def found(models: str, lock: str, engine: str = "vllm", version: str = "0.19.0") -> list[tuple[str, str, str, str]]:
    """Return rule, marked text, message and help of each finding."""
    image = {"vllm": "vllm/vllm-openai", "sglang": "lmsysorg/sglang"}[engine]
    toml = complete(f'{CARDS}[engines.{engine}]\nimage = "{image}:v{version}"\n{models}')
    lines = toml.splitlines()
    return [
        (one.rule, lines[one.span.line - 1][one.span.column - 1 : one.span.end_column - 1], one.message, one.help)
        for one in findings(toml, lock)
    ]


def rules(models: str, lock: str, engine: str = "vllm", version: str = "0.19.0") -> list[str]:
    return [rule for rule, *_ in found(models, lock, engine, version)]


# H8: google/gemma-4-31B, a base model without a chat template, that is to call tools.
GEMMA_CONFIG = {"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4"}
GEMMA = """[models.gemma]
repo = "google/gemma-4-31B"
gpus = ["g0", "g1"]
[models.gemma.args]
max-model-len = 131072
tensor-parallel-size = 2
enable-auto-tool-choice = true
tool-call-parser = "gemma4"
"""
CHAT = '[models.m]\nrepo = "org/m"\ngpus = ["g0"]\nargs = { max-model-len = 8192 }\n'
QWEN = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}


def test_tools_for_a_model_without_a_template() -> None:
    [(rule, place, message, help_text)] = found(GEMMA, entry("google/gemma-4-31B", GEMMA_CONFIG, NEITHER))
    assert (rule, place) == ("tools-without-template", "enable-auto-tool-choice")
    assert "google/gemma-4-31B has none" in message
    assert "chat-template" in help_text


@pytest.mark.parametrize(
    ("models", "facts"), [(f'{GEMMA}chat-template = "./gemma4.jinja"\n', NEITHER), (GEMMA, TEMPLATE)]
)
def test_tools_for_a_model_with_a_template(models: str, facts: dict[str, str]) -> None:
    assert rules(models, entry("google/gemma-4-31B", GEMMA_CONFIG, facts)) == []


@pytest.mark.parametrize(
    ("models", "lock", "expected"),
    [
        (CHAT, entry("org/m", QWEN, NEITHER), ["missing-chat-template"]),
        (CHAT, entry("org/m", QWEN, {"chat_template": "processor_config.json"}), []),
        (CHAT, entry("org/m", QWEN), ["facts-unknown"]),
        # an older lock whose file names are enough
        (CHAT, entry("org/m", QWEN, files=("config.json", "chat_template.jinja")), []),
        (CHAT, entry("org/m", QWEN, files=("config.json", "tokenizer_config.json", "chat_template.jinja")), []),
        # models that need none, or do not chat
        (CHAT, entry("org/m", {**QWEN, "model_type": "deepseek_v32"}, NEITHER), []),
        (CHAT, entry("org/m", {"architectures": ["BertModel"]}, NEITHER), []),
        (CHAT, entry("org/m", QWEN, NEITHER, ("config.json", "tokenizer.json")), []),
        (CHAT, entry("org/m", QWEN, NEITHER, (*FILES, "modules.json")), []),
        (CHAT, entry("org/m", QWEN, NEITHER, (*FILES, "tekken.json")), []),
        (CHAT.replace("8192", '8192, runner = "pooling"'), entry("org/m", QWEN, NEITHER), []),
        (CHAT.replace("8192", '8192, tokenizer-mode = "mistral"'), entry("org/m", QWEN, NEITHER), []),
        (CHAT.replace("8192", '8192, tokenizer = "./here"'), entry("org/m", QWEN, NEITHER), []),
    ],
)
def test_chats_without_a_template(models: str, lock: str, expected: list[str]) -> None:
    assert rules(models, lock) == expected


def test_an_older_lock_is_one_info_for_all_models() -> None:
    models = "".join(CHAT.replace(".m]", f".m{number}]").replace("org/m", f"org/m{number}") for number in range(3))
    models = models.replace('["g0"]', '["g0"]\ngpu_memory = "20GiB"')
    [(rule, _, message, help_text)] = found(models, "".join(entry(f"org/m{number}", QWEN) for number in range(3)))
    assert (rule, help_text) == ("facts-unknown", "run `modelgen lock`")
    assert message.startswith("3 models have entries in models.lock without facts")


# H10: a release that is older than the model.
NEWER = """[models.gemma]
image = "vllm/vllm-openai:v0.11.0"
repo = "google/gemma-4-31B-it"
gpus = ["g0"]
args = { max-model-len = 32768, limit-mm-per-prompt = { image = 2 } }
"""


def test_a_release_that_is_older_than_the_model() -> None:
    lock = entry("google/gemma-4-31B-it", GEMMA_CONFIG, TEMPLATE)
    [(rule, place, message, help_text)] = found(NEWER, lock)
    assert (rule, place) == ("unsupported-architecture", '"vllm/vllm-openai:v0.11.0"')
    assert "vLLM 0.11.0 does not serve Gemma4ForConditionalGeneration" in message
    assert help_text == 'write `image = "vllm/vllm-openai:v0.19.0"`: 0.19.0 is the first that does'
    assert rules(NEWER.replace("0.11.0", "0.19.0"), lock) == []


def test_models_that_one_image_does_not_serve_are_one_finding() -> None:
    lock = entry("google/gemma-4-31B-it", GEMMA_CONFIG, TEMPLATE)
    other = NEWER[NEWER.index("[models.") :].replace("[models.gemma]", "[models.other]")
    [message] = [one[2] for one in found(NEWER + other, lock) if one[0] == "unsupported-architecture"]
    assert message == "2 models have architectures that the release in their image does not serve: `gemma`, `other`"


@pytest.mark.parametrize(
    ("version", "is_served"),
    [("0.4.8", False), ("0.4.9", False), ("0.4.9.post2", False), ("0.4.9.post5", True), ("0.4.10", True)],
)
def test_post_releases_of_sglang_serve_other_architectures(version: str, is_served: bool) -> None:  # noqa: FBT001
    parsed = parse_version(version)
    assert parsed is not None
    models = ENGINES["sglang"].models
    assert models is not None
    assert (models.unserved("Glm4MoeForCausalLM", parsed) is None) == is_served


@pytest.mark.parametrize(
    ("line", "config", "version", "expected"),
    [
        ("", {"architectures": ["MllamaForConditionalGeneration"]}, "0.12.0", ["unsupported-architecture"]),
        ("", {"architectures": ["MllamaForConditionalGeneration"]}, "0.10.2", []),
        ("", {"architectures": ["OwnForCausalLM"]}, "0.10.2", []),
        ("", GEMMA_CONFIG, "0.99.0", []),
        ("fork = true\n", GEMMA_CONFIG, "0.11.0", []),
        ("", {"architectures": ["Qwen3ForSequenceClassification"]}, "0.11.0", []),
        ('args.model-impl = "transformers"\n', GEMMA_CONFIG, "0.11.0", []),
        ('args.hf-overrides = { architectures = ["Gemma3ForCausalLM"] }\n', GEMMA_CONFIG, "0.11.0", []),
        ("args.limit-mm-per-prompt = { image = 2 }\n", QWEN, "0.19.0", ["media-flag-for-text"]),
        ("args.limit-mm-per-prompt = { image = 2 }\n", GEMMA_CONFIG, "0.19.0", []),
        ("args.limit-mm-per-prompt = { image = 2 }\n", {"architectures": ["OwnForCausalLM"]}, "0.19.0", []),
        ("args.skip-mm-profiling = false\n", QWEN, "0.19.0", []),
    ],
)
def test_architectures_by_release(line: str, config: dict[str, Any], version: str, expected: list[str]) -> None:
    model = f'[models.m]\nrepo = "org/m"\ngpus = ["g0"]\nargs.max-model-len = 8192\n{line}'
    assert rules(model, entry("org/m", config, TEMPLATE), version=version) == expected


def test_an_architecture_that_sglang_does_not_serve_yet() -> None:
    model = '[models.m]\nengine = "sglang"\nrepo = "org/m"\ngpus = ["g0"]\nargs = { context-length = 8192 }\n'
    lock = entry("org/m", {"architectures": ["GptOssForCausalLM"]}, TEMPLATE)
    assert rules(model, lock, "sglang", "0.4.10") == ["unsupported-architecture"]
    assert rules(model, lock, "sglang", "0.5.9") == []


SGLANG = '[models.m]\nengine = "sglang"\nrepo = "org/m"\ngpus = ["g0"]\nargs = { context-length = 8192 }\n'


def test_sglang_needs_a_chat_template_too() -> None:
    config = {"architectures": ["Qwen3ForCausalLM"]}
    lock = entry("org/m", config, {})
    assert rules(SGLANG, lock, "sglang", "0.5.9") == ["missing-chat-template"]
    with_one = SGLANG.replace("8192 }", '8192, chat-template = "./x.jinja" }')
    assert "missing-chat-template" not in rules(with_one, lock, "sglang", "0.5.9")
    assert rules(SGLANG.replace("8192 }", "8192, is-embedding = true }"), lock, "sglang", "0.5.9") == []


@pytest.mark.parametrize(
    ("quantization", "size", "is_fine"),
    [
        ({"quant_method": "awq", "group_size": 128}, 2, True),
        ({"quant_method": "awq", "group_size": 128}, 8, False),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 8, False),
        ({"quant_method": "fp8"}, 8, True),
        ({"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["mlp"]}, 8, True),
    ],
)
def test_groups_that_sglang_cannot_cut(quantization: dict[str, Any], size: int, is_fine: bool) -> None:  # noqa: FBT001
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 151_936,
        "intermediate_size": 9728,
        "quantization_config": quantization,
    }
    obstacle = ENGINES["sglang"].split_obstacle
    version = parse_version("0.5.9")
    assert obstacle is not None
    assert version is not None
    assert (obstacle(version, {}, config, size) is None) == is_fine


# H5: adapters that vLLM refuses.
ADAPTER = {"peft_type": "LORA", "r": 8, "lora_alpha": 32, "target_modules": ["q_proj"]}
BASE = """[models.base]
repo = "Qwen/Qwen3-1.7B"
gpus = ["g0"]
loras = { LORA = "me/ner" }
args = { max-model-len = 8192 }
"""


def adapter_rules(
    change: dict[str, Any], version: str = "0.10.0", models: str = BASE
) -> list[tuple[str, str, str, str]]:
    lock = entry("Qwen/Qwen3-1.7B", QWEN, TEMPLATE) + entry("me/ner", {**ADAPTER, **change}, None)
    return found(models, lock, version=version)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modules_to_save": ["embed_tokens", "lm_head"]}, "modules_to_save = ['embed_tokens', 'lm_head']"),
        ({"use_dora": True}, "use_dora = true"),
        ({"bias": "all"}, "bias = all"),
        ({"peft_type": "IA3"}, "peft_type = IA3"),
        ({"trainable_token_indices": [7]}, "trainable_token_indices = [7]"),
        ({"use_dora": True, "bias": "lora_only"}, "use_dora = true and bias = lora_only"),
    ],
)
def test_an_adapter_that_vllm_refuses(change: dict[str, Any], said: str) -> None:
    [(rule, place, message, help_text)] = adapter_rules(change)
    assert (rule, place) == ("unsupported-adapter", '"me/ner"')
    assert f"the adapter `LORA` has {said}, which vLLM 0.10.0 does not support" in message
    assert "merge" in help_text


@pytest.mark.parametrize(
    ("change", "version", "expected"),
    [
        ({"modules_to_save": None, "bias": "none", "use_dora": False, "use_rslora": True}, "0.10.0", []),
        ({"modules_to_save": ["score"]}, "0.30.0", ["unsupported-adapter"]),
        ({"modules_to_save": ["score"]}, "0.31.0", []),
        ({"init_lora_weights": "pissa"}, "0.31.0", []),
        ({"init_lora_weights": "pissa"}, "0.33.0", ["unsupported-adapter"]),
        ({"init_lora_weights": "gaussian"}, "0.33.0", []),
        ({"rank_pattern": {"q_proj": 64}}, "0.33.0", []),
        ({"peft_type": "ADALORA"}, "0.33.0", ["unsupported-adapter"]),
        ({"peft_type": "LORA"}, "0.33.0", []),
        ({"base_model_name_or_path": "Qwen/Qwen3-1.7B"}, "0.10.0", []),
        ({"base_model_name_or_path": "unsloth/qwen3-1.7b-bnb-4bit"}, "0.10.0", []),
        ({"base_model_name_or_path": "/home/me/checkpoints/qwen"}, "0.10.0", []),
        ({"base_model_name_or_path": "Qwen/Qwen3-1.7B-Base"}, "0.10.0", []),
        ({"base_model_name_or_path": "output/checkpoint-500"}, "0.10.0", []),
        ({"base_model_name_or_path": "Qwen/Qwen3-4B"}, "0.10.0", ["adapter-of-another-base"]),
        ({"base_model_name_or_path": "meta-llama/Llama-3.1-8B"}, "0.10.0", ["adapter-of-another-base"]),
    ],
)
def test_adapters_by_release(change: dict[str, Any], version: str, expected: list[str]) -> None:
    assert [rule for rule, *_ in adapter_rules(change, version)] == expected


@pytest.mark.parametrize(
    ("change", "version", "expected"),
    [
        ({}, "0.5.9", []),
        ({"peft_type": "IA3"}, "0.5.9", ["unsupported-adapter"]),
        ({"use_dora": True}, "0.5.23", ["unsupported-adapter"]),
        ({"target_modules": ["q_proj", "lm_head"]}, "0.5.6", ["unsupported-adapter"]),
        ({"target_modules": ["q_proj", "lm_head"]}, "0.5.7", []),
        ({"target_modules": "all-linear"}, "0.5.6", []),
        ({"modules_to_save": ["lm_head"]}, "0.5.9", ["adapter-part-ignored"]),
        ({"use_rslora": True}, "0.5.9", ["adapter-part-ignored"]),
        ({"alpha_pattern": {"q_proj": 4}}, "0.5.9", ["adapter-part-ignored"]),
        ({"trainable_token_indices": [7]}, "0.5.9", ["adapter-part-ignored"]),
        ({"trainable_token_indices": None}, "0.5.9", []),
        ({"use_rslora": False, "alpha_pattern": {}, "modules_to_save": None}, "0.5.9", []),
        ({"base_model_name_or_path": "Qwen/Qwen3-4B"}, "0.5.9", ["adapter-of-another-base"]),
        ({"r": 64}, "0.5.9", ["rank-over-limit"]),
    ],
)
def test_adapters_of_sglang_by_release(change: dict[str, Any], version: str, expected: list[str]) -> None:
    flags = '8192, max-lora-rank = 32, lora-paths = ["x=me/ner"]'
    models = SGLANG.replace("8192", flags).replace("org/m", "Qwen/Qwen3-1.7B")
    lock = entry("Qwen/Qwen3-1.7B", QWEN, TEMPLATE) + entry("me/ner", {**ADAPTER, **change}, None)
    assert [rule for rule, *_ in found(models, lock, "sglang", version)] == expected


def test_the_highest_rank_of_an_adapter_counts() -> None:
    models = BASE.replace("8192", "8192, max-lora-rank = 16")
    assert [rule for rule, *_ in adapter_rules({"rank_pattern": {"q_proj": 64}}, models=models)] == ["rank-over-limit"]


def test_a_bias_that_a_flag_allows() -> None:
    models = BASE.replace("8192", "8192, enable-lora-bias = true")
    assert [rule for rule, *_ in adapter_rules({"bias": "all"}, models=models) if rule != "deprecated-flag"] == []


# Models that do not split into as many parts as there are cards.
PLAIN = {
    "architectures": ["Qwen2ForCausalLM"],
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "hidden_size": 8192,
}
LARGE = {**PLAIN, "intermediate_size": 29568, "vocab_size": 152064}
AWQ = {"quant_method": "awq", "group_size": 128}
MOE = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "num_attention_heads": 64,
    "num_key_value_heads": 4,
    "num_experts": 128,
    "moe_intermediate_size": 1536,
    "vocab_size": 151936,
}
MINIMAX = {
    "architectures": ["MiniMaxM2ForCausalLM"],
    "num_attention_heads": 48,
    "num_key_value_heads": 8,
    "num_local_experts": 256,
    "intermediate_size": 1536,
    "vocab_size": 200064,
}
BLOCKS = {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["model.layers.0.mlp.gate"]}
PACKED = {
    "quant_method": "compressed-tensors",
    "format": "pack-quantized",
    "ignore": ["lm_head"],
    "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128}}},
}
PHI = {
    "architectures": ["Phi3ForCausalLM"],
    "num_attention_heads": 40,
    "num_key_value_heads": 10,
    "intermediate_size": 17920,
    "vocab_size": 100352,
}


def split(config: dict[str, Any], size: int, version: str, args: str = "") -> list[tuple[str, str, str, str]]:
    cards = "".join(f'[gpus.c{number}]\nmemory = "80GiB"\ndevice = "{number + 2}"\n' for number in range(size))
    names = json.dumps([f"c{number}" for number in range(size)])
    flags = f"max-model-len = 8192, tensor-parallel-size = {size}{args}"
    models = f'{cards}[models.m]\nrepo = "org/m"\ngpus = {names}\nargs = {{ {flags} }}\n'
    ignored = ("missing-peers", "cards-without-peers")
    return [one for one in found(models, entry("org/m", config, TEMPLATE), version=version) if one[0] not in ignored]


@pytest.mark.parametrize(
    ("config", "size", "version", "said"),
    [
        (
            {**LARGE, "quantization_config": AWQ},
            2,
            "0.33.0",
            "intermediate size of 29,568, quantized in groups of 128,",
        ),
        ({**LARGE, "quantization_config": PACKED}, 2, "0.19.0", "intermediate size of 29,568"),
        ({**LARGE, "quantization_config": {**AWQ, "quant_method": "gptq"}}, 2, "0.19.0", "intermediate size of 29,568"),
        (
            {**MOE, "quantization_config": BLOCKS},
            8,
            "0.11.0",
            "intermediate size of 1,536, quantized in groups of 128,",
        ),
        (
            {**MINIMAX, "quantization_config": BLOCKS},
            8,
            "0.11.1",
            "intermediate size of 1,536, quantized in groups of 128,",
        ),
        (PHI, 4, "0.19.0", "10 KV heads"),
        (PHI, 5, "0.19.0", "vocabulary of 100,352"),
        ({"architectures": ["Qwen3VLMoeForConditionalGeneration"], "text_config": {**PHI}}, 4, "0.19.0", "10 KV heads"),
    ],
)
def test_a_size_that_does_not_split_the_model(config: dict[str, Any], size: int, version: str, said: str) -> None:
    [(rule, place, message, help_text)] = split(config, size, version)
    assert (rule, place) == ("weights-over-cards", str(size))
    assert said in message
    assert "pipeline-parallel-size" in help_text


@pytest.mark.parametrize(
    ("config", "size", "version", "args"),
    [
        (LARGE, 2, "0.33.0", ""),
        ({**LARGE, "intermediate_size": 29696, "quantization_config": AWQ}, 8, "0.33.0", ""),
        ({**LARGE, "quantization_config": PACKED}, 2, "0.25.0", ""),
        ({**LARGE, "quantization_config": {**AWQ, "modules_to_not_convert": ["mlp"]}}, 2, "0.33.0", ""),
        ({**LARGE, "quantization_config": {**AWQ, "quant_method": "gptq", "dynamic": {"-:x": {}}}}, 2, "0.19.0", ""),
        ({**MOE, "quantization_config": BLOCKS}, 4, "0.11.0", ""),
        ({**MOE, "quantization_config": BLOCKS}, 8, "0.30.0", ""),
        ({**MOE, "quantization_config": BLOCKS}, 8, "0.11.0", ", enable-expert-parallel = true"),
        ({**MOE, "quantization_config": AWQ}, 8, "0.11.0", ""),
        ({**MINIMAX, "quantization_config": BLOCKS}, 4, "0.11.1", ""),
        ({**MINIMAX, "quantization_config": BLOCKS}, 8, "0.30.0", ""),
        (PHI, 2, "0.19.0", ""),
        ({**PHI, "architectures": ["OwnForCausalLM"]}, 4, "0.19.0", ""),
    ],
)
def test_a_size_that_splits_the_model(config: dict[str, Any], size: int, version: str, args: str) -> None:
    assert split(config, size, version, args) == []


def test_only_sizes_that_work_are_recommended() -> None:
    [(rule, _, _, help_text)] = split(PHI, 3, "0.19.0")
    assert rule == "heads-over-cards"
    assert help_text.startswith("write one of 1, 2, with as many `gpus`")
    [(_, _, _, help_text)] = split({**LARGE, "quantization_config": AWQ}, 2, "0.19.0")
    assert help_text.startswith("write 1, with one of `gpus`")


@pytest.mark.parametrize(
    "nested",
    [
        {"text_config": {"num_attention_heads": 28}},
        {"llm_config": {"num_attention_heads": 28}},
        {"thinker_config": {"text_config": {"num_attention_heads": 28}, "audio_config": {"num_attention_heads": 3}}},
    ],
)
def test_nested_configs_are_read(nested: dict[str, Any]) -> None:
    config = {"architectures": ["OwnForConditionalGeneration"], **nested}
    assert [rule for rule, *_ in split(config, 3, "0.19.0")] == ["heads-over-cards"]


# H9: a parser of another family.
TOOLS = "enable-auto-tool-choice = true, tool-call-parser = "


def parsers(repo: str, flags: str, version: str = "0.19.0") -> list[tuple[str, str, str, str]]:
    models = f'[models.m]\nrepo = "{repo}"\ngpus = ["g0"]\nargs = {{ max-model-len = 8192, {flags} }}\n'
    return found(models, entry(repo, {}, TEMPLATE), version=version)


@pytest.mark.parametrize(
    ("repo", "flags", "version", "help_text"),
    [
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", f'{TOOLS}"hermes"', "0.19.0", 'write `tool-call-parser = "qwen3_coder"`'),
        ("x/Qwen3-Coder-30B-A3B-Instruct-AWQ", f'{TOOLS}"hermes"', "0.9.2", "use an image of 0.10.0 or newer"),
        ("Qwen/Qwen3-8B", f'{TOOLS}"llama3_json"', "0.19.0", 'write `tool-call-parser = "hermes"`'),
        ("meta-llama/Llama-3.1-8B-Instruct", f'{TOOLS}"hermes"', "0.11.0", 'write `tool-call-parser = "llama3_json"`'),
        ("zai-org/GLM-4.5-Air", f'{TOOLS}"glm4_moe"', "0.10.0", ""),
        ("openai/gpt-oss-20b", f'{TOOLS}"hermes"', "0.11.0", 'write `tool-call-parser = "openai"`'),
        ("zai-org/GLM-4.7", f'{TOOLS}"glm45"', "0.19.0", 'write `tool-call-parser = "glm47"`'),
        ("deepseek-ai/DeepSeek-V3.2", f'{TOOLS}"deepseek_v31"', "0.19.0", 'write `tool-call-parser = "deepseek_v32"`'),
        ("deepseek-ai/DeepSeek-V3.2-Exp", f'{TOOLS}"deepseek_v31"', "0.11.0", ""),
        ("deepseek-ai/DeepSeek-V3.1", f'{TOOLS}"deepseek_v3"', "0.11.0", 'write `tool-call-parser = "deepseek_v31"`'),
        ("google/gemma-4-31B-it", 'reasoning-parser = "qwen3"', "0.19.0", 'write `reasoning-parser = "gemma4"`'),
        ("Qwen/Qwen3-8B", 'reasoning-parser = "deepseek_r1"', "0.19.0", ""),
        ("Qwen/Qwen3-8B", f'{TOOLS}"own", tool-parser-plugin = "./own.py"', "0.19.0", ""),
        ("NousResearch/Hermes-3-Llama-3.1-8B", f'{TOOLS}"hermes"', "0.19.0", ""),
        ("me/Qwen3-8B-xLAM-fc", f'{TOOLS}"xlam"', "0.19.0", ""),
        ("MiniMaxAI/MiniMax-M2", f'{TOOLS}"minimax"', "0.12.0", 'write `tool-call-parser = "minimax_m2"`'),
        ("MiniMaxAI/MiniMax-M2", f'{TOOLS}"minimax"', "0.11.0", "use an image of 0.11.1 or newer"),
        ("MiniMaxAI/MiniMax-M1-80k", f'{TOOLS}"minimax"', "0.11.0", ""),
        ("ibm-granite/granite-4.0-h-small", f'{TOOLS}"granite"', "0.19.0", 'write `tool-call-parser = "granite4"`'),
        ("ibm-granite/granite-4.0-h-small", f'{TOOLS}"hermes"', "0.11.2", ""),
        ("ibm-granite/granite-3.1-8b-instruct", f'{TOOLS}"hermes"', "0.19.0", 'write `tool-call-parser = "granite"`'),
        ("tencent/Hunyuan-A13B-Instruct", f'{TOOLS}"hermes"', "0.19.0", 'write `tool-call-parser = "hunyuan_a13b"`'),
        ("meituan-longcat/LongCat-Flash-Chat", f'{TOOLS}"longcat"', "0.19.0", ""),
        ("me/unknown-family", f'{TOOLS}"hermes"', "0.19.0", ""),
    ],
)
def test_a_parser_of_another_family(repo: str, flags: str, version: str, help_text: str) -> None:
    shown = [(rule, help_) for rule, _, _, help_ in parsers(repo, flags, version) if rule == "parser-of-another-model"]
    assert [rule for rule, _ in shown] == (["parser-of-another-model"] if help_text else [])
    assert not help_text or shown[0][1].startswith(help_text)


def test_tools_on_a_base_model() -> None:
    [(rule, place, _, _)] = parsers("Qwen/Qwen3-8B-Base", f'{TOOLS}"hermes"')
    assert (rule, place) == ("tools-on-base-model", "enable-auto-tool-choice")
    assert parsers("Qwen/Qwen3-8B", f'{TOOLS}"hermes"') == []
    assert parsers("Qwen/Qwen3-8B-Base", "max-num-seqs = 8") == []


@pytest.mark.parametrize(
    ("repo", "parser", "help_text"),
    [
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen25", 'write `tool-call-parser = "qwen3_coder"`'),
        ("Qwen/Qwen3-8B", "llama3", 'write `tool-call-parser = "qwen25"`'),
        ("Qwen/Qwen3-8B", "qwen25", ""),
    ],
)
def test_a_parser_of_another_family_in_sglang(repo: str, parser: str, help_text: str) -> None:
    model = (
        f'[models.m]\nengine = "sglang"\nrepo = "{repo}"\ngpus = ["g0"]\nargs = {{ tool-call-parser = "{parser}" }}\n'
    )
    shown = found(model, entry(repo, {}, TEMPLATE), "sglang", "0.5.9")
    assert [(rule, help_) for rule, _, _, help_ in shown] == (
        [("parser-of-another-model", help_text)] if help_text else []
    )


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_every_recommended_parser_exists(engine: str) -> None:
    newest = ENGINES[engine].catalogue
    assert newest is not None
    for flag, families in ENGINES[engine].parsers.items():
        known = {value for _, values in newest().values(flag) for value in values}
        assert {parser for family in families for parser in family.parsers} <= known


# H6 and H7: what a model is for.
OVERRIDES = (
    'runner = "pooling", hf-overrides = { architectures = ["Qwen3ForSequenceClassification"], '
    'classifier_from_token = ["no", "yes"], is_original_qwen3_reranker = true }'
)


def served(
    repo: str, config: dict[str, Any], flags: str = "", files: tuple[str, ...] = FILES, image: str = ""
) -> list[tuple[str, str, str, str]]:
    models = f'[models.m]\nrepo = "{repo}"\ngpus = ["g0"]\n{image}args = {{ max-model-len = 448{flags} }}\n'
    return found(models, entry(repo, config, TEMPLATE, files), version="0.20.0")


def test_a_reranker_that_would_generate_text() -> None:
    [(rule, place, _, help_text)] = served("Qwen/Qwen3-Reranker-0.6B", QWEN)
    assert (rule, place) == ("reranker-as-generator", '"Qwen/Qwen3-Reranker-0.6B"')
    assert 'architectures = ["Qwen3ForSequenceClassification"]' in help_text
    assert served("Qwen/Qwen3-Reranker-0.6B", QWEN, f", {OVERRIDES}") == []
    [(rule, _, _, help_text)] = served("me/mxbai-rerank-v2", {"architectures": ["Qwen2ForCausalLM"]})
    assert (rule, "the model's card" in help_text) == ("reranker-as-generator", True)
    assert served("me/x-reranker-seq-cls", {"architectures": ["Qwen3ForSequenceClassification"]}) == []
    assert served("BAAI/bge-reranker-v2-m3", {"architectures": ["XLMRobertaForSequenceClassification"]}) == []


def test_an_embedding_model_that_sglang_would_serve_as_a_chat_model() -> None:
    models = (
        '[models.m]\nengine = "sglang"\nrepo = "Qwen/Qwen3-Embedding-0.6B"\ngpus = ["g0"]\n'
        "args = { context-length = 8192 }\n"
    )
    lock = entry("Qwen/Qwen3-Embedding-0.6B", QWEN, TEMPLATE, (*FILES, "modules.json", "1_Pooling/config.json"))
    [(rule, place, _, help_text)] = found(models, lock, "sglang", "0.5.9")
    assert (rule, place) == ("embedding-as-generator", '"Qwen/Qwen3-Embedding-0.6B"')
    assert help_text == "write `is-embedding = true` in `args`"
    assert rules(models.replace("8192", "8192, is-embedding = true"), lock, "sglang", "0.5.9") == []
    assert rules(models, entry("Qwen/Qwen3-Embedding-0.6B", QWEN, TEMPLATE), "sglang", "0.5.9") == []


@pytest.mark.parametrize(("version", "expected"), [("0.11.0", ["audio-beside-text"]), ("0.25.0", [])])
def test_audio_of_a_model_that_also_takes_text(version: str, expected: list[str]) -> None:
    omni = {"architectures": ["Qwen2_5OmniModel"], "model_type": "qwen2_5_omni"}
    model = '[models.m]\nrepo = "org/m"\ngpus = ["g0"]\nargs = { max-model-len = 8192 }\n'
    assert rules(model, entry("org/m", omni, TEMPLATE), version=version) == expected


def test_audio_on_an_image_without_its_packages() -> None:
    whisper = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"}
    old = 'image = "vllm/vllm-openai:v0.9.2"\n'
    [(rule, place, _, help_text)] = served("openai/whisper-large-v3", whisper, image=old)
    assert (rule, place) == ("audio-without-packages", '"vllm/vllm-openai:v0.9.2"')
    assert "pip install vllm[audio]==0.9.2" in help_text
    own = 'image = "registry.internal/vllm-openai-audio:v0.9.2"\nversion = "0.9.2"\n'
    assert served("openai/whisper-large-v3", whisper, image=own) == []
    assert served("openai/whisper-large-v3", whisper, image='image = "vllm/vllm-openai:v0.33.0"\n') == []


# Code of a repository that imports a package that the image lacks.
@pytest.mark.parametrize(
    ("facts", "config", "keys", "expected"),
    [
        ({"imports": ["decord"]}, QWEN, "", ["package-not-in-image"]),
        (
            {"imports": [], "model_imports": ["fla"]},
            {"architectures": ["OwnForCausalLM"]},
            "",
            ["package-not-in-image"],
        ),
        # vLLM has its own code for the model, so it does not load that of the repository
        ({"imports": [], "model_imports": ["fla"]}, QWEN, "", []),
        ({"imports": [], "model_imports": ["fla"]}, {"model_type": "own"}, "", []),  # it may have
        ({"imports": ["torch", "einops", "timm"]}, QWEN, "", []),
        ({"imports": ["decord"]}, QWEN, 'image = "registry.internal/vllm:1"\nversion = "0.19.0"\n', []),
        ({"imports": ["decord"]}, QWEN, "fork = true\n", []),
    ],
)
def test_a_package_that_code_imports(
    facts: dict[str, Any], config: dict[str, Any], keys: str, expected: list[str]
) -> None:
    models = f'[models.m]\nrepo = "org/m"\ngpus = ["g0"]\n{keys}trust_remote_code = true\nargs.max-model-len = 8\n'
    lock = entry("org/m", config, {**TEMPLATE, **facts}).replace("facts =", "code = []\nfacts =")
    assert rules(models, lock) == expected


# Models that keep a state for each sequence.
HYBRID = {"architectures": ["Qwen3_5ForConditionalGeneration"], "text_config": {"layer_types": ["linear_attention"]}}


@pytest.mark.parametrize(
    ("config", "flags", "version", "expected"),
    [
        (HYBRID, "", "0.23.0", ["default-sequences"]),
        ({"architectures": ["NemotronHForCausalLM"], "ssm_state_size": 128}, "", "0.23.0", ["default-sequences"]),
        (
            {"architectures": ["NemotronHForCausalLM"], "hybrid_override_pattern": "M-M*"},
            "",
            "0.23.0",
            ["default-sequences"],
        ),
        ({"architectures": ["Lfm2ForCausalLM"], "layer_types": ["conv"]}, "", "0.23.0", ["default-sequences"]),
        ({"architectures": ["GraniteMoeHybridForCausalLM"], "layer_types": ["attention"]}, "", "0.23.0", []),
        (HYBRID, ", max-num-seqs = 16", "0.23.0", []),
        (HYBRID, ", enforce-eager = true", "0.23.0", ["eager-mode"]),
        (HYBRID, "", "0.19.0", []),
        (QWEN, "", "0.23.0", []),
    ],
)
def test_the_sequences_of_a_hybrid_model(config: dict[str, Any], flags: str, version: str, expected: list[str]) -> None:
    models = f'[models.m]\nrepo = "org/m"\ngpus = ["g0"]\nargs = {{ max-model-len = 8192{flags} }}\n'
    assert rules(models, entry("org/m", config, TEMPLATE), version=version) == expected


# A chat model on an engine for embeddings.
TEI = """[models.m]
engine = "tei"
image = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
repo = "org/m"
"""


@pytest.mark.parametrize(
    ("line", "config", "files", "expected"),
    [
        ("", QWEN, FILES, ["generator-for-embeddings"]),
        ("", QWEN, (*FILES, "1_Pooling/config.json"), []),
        ('args = { pooling = "last-token" }\n', QWEN, FILES, []),
        ('env = { POOLING = "last-token" }\n', QWEN, FILES, []),
        ("", {"architectures": ["XLMRobertaForSequenceClassification"]}, FILES, []),
        ("", {"architectures": ["BertModel"]}, FILES, []),
    ],
)
def test_a_generator_on_an_engine_for_embeddings(
    line: str, config: dict[str, Any], files: tuple[str, ...], expected: list[str]
) -> None:
    assert rules(TEI + line, entry("org/m", config, TEMPLATE, files)) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("tp-size = 4", ["weights-over-cards"]), ("tp-size = 2", []), ("tp-size = 4, enable-dp-attention = true", [])],
)
def test_a_size_that_does_not_split_the_model_in_sglang(flags: str, expected: list[str]) -> None:
    model = f'[models.m]\nengine = "sglang"\nrepo = "org/m"\nargs = {{ {flags} }}\n'
    shown = rules(model, entry("org/m", {**PHI, "architectures": ["LlamaForCausalLM"]}, TEMPLATE), "sglang", "0.5.9")
    assert [rule for rule in shown if rule == "weights-over-cards"] == expected


@pytest.mark.parametrize(
    ("config", "engine", "is_found"),
    [
        *(({key: 448}, "vllm", True) for key in ("max_target_positions", "n_positions", "max_seq_len", "seq_length")),
        ({"model_max_length": 448}, "vllm", True),
        ({"text_config": {"seq_length": 448}}, "vllm", True),
        ({"seq_length": 448}, "sglang", True),
        ({"n_positions": 448}, "sglang", False),  # which SGLang does not read
        ({"max_target_positions": 8192}, "vllm", False),
        ({"seq_length": 448, "rope_ratio": 16}, "vllm", False),
        ({"max_seq_len": 448, "max_position_embeddings": 8192}, "vllm", False),
        ({"max_seq_len": 448, "rope_scaling": {"factor": 32.0, "type": "yarn"}}, "vllm", False),
    ],
)
def test_lengths_under_other_keys(config: dict[str, Any], engine: str, *, is_found: bool) -> None:
    length = "max-model-len" if engine == "vllm" else "context-length"
    models = CHAT.replace("max-model-len", length).replace("[models.m]\n", f'[models.m]\nengine = "{engine}"\n')
    lock = entry("org/m", {**QWEN, **config}, TEMPLATE)
    version = "0.19.0" if engine == "vllm" else "0.5.9"
    assert ("length-over-model" in rules(models, lock, engine, version)) == is_found


GATE, EXPERTS = (["model.layers.0.mlp.gate"], ["model.layers.0.mlp.experts"])


@pytest.mark.parametrize(
    ("table", "size", "args", "is_fine"),
    [
        (BLOCKS, 4, "", True),
        (BLOCKS, 8, "", False),
        (BLOCKS, 8, ", ep-size = 8", True),
        (BLOCKS, 8, ", ep-size = 2", True),
        (BLOCKS, 8, ', moe-a2a-backend = "deepep"', True),
        ({**BLOCKS, "modules_to_not_convert": GATE}, 8, "", False),
        ({**BLOCKS, "modules_to_not_convert": EXPERTS}, 8, "", True),
        (AWQ, 8, "", True),
    ],
)
def test_experts_in_blocks_on_sglang(table: dict[str, Any], size: int, args: str, is_fine: bool) -> None:  # noqa: FBT001
    cards = "".join(f'[gpus.c{number}]\ncard = "H100"\ndevice = "{number + 2}"\n' for number in range(size))
    names = json.dumps([f"c{number}" for number in range(size)])
    flags = f"context-length = 8192, tp-size = {size}{args}"
    model = f'{cards}[models.m]\nengine = "sglang"\nrepo = "org/m"\ngpus = {names}\nargs = {{ {flags} }}\n'
    lock = entry("org/m", {**MOE, "quantization_config": table}, TEMPLATE)
    assert ("weights-over-cards" in rules(model, lock, "sglang", "0.5.9")) != is_fine
