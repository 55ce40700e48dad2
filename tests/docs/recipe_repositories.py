"""The repositories that recipes name: the keys of config.json that the compiler reads, and one file of weights."""

from __future__ import annotations

import json
from typing import Any

from lock_project import safetensors


def _decoder(kind: str, architecture: str, **keys: int | str) -> dict[str, Any]:
    return {"architectures": [architecture], "model_type": kind, "torch_dtype": "bfloat16", **keys}


_QWEN3_4B = _decoder(
    "qwen3",
    "Qwen3ForCausalLM",
    max_position_embeddings=262144,
    num_attention_heads=32,
    num_key_value_heads=8,
    num_hidden_layers=36,
)
_QWEN3_8B = {**_QWEN3_4B, "max_position_embeddings": 40960}
_QWEN3_32B = {**_QWEN3_8B, "num_attention_heads": 64, "num_hidden_layers": 64}
_CODER = _decoder(
    "qwen3_moe",
    "Qwen3MoeForCausalLM",
    max_position_embeddings=262144,
    num_attention_heads=32,
    num_key_value_heads=4,
    num_hidden_layers=48,
)
_CONFIGS: dict[str, dict[str, Any]] = {
    "Qwen/Qwen3-4B-Instruct-2507": _QWEN3_4B,
    "Qwen/Qwen3-8B-AWQ": {**_QWEN3_8B, "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}},
    "Qwen/Qwen3-32B-AWQ": {**_QWEN3_32B, "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}},
    "Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8": {**_CODER, "quantization_config": {"quant_method": "fp8"}},
    "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8": {
        **_CODER,
        "num_attention_heads": 64,
        "num_hidden_layers": 94,
        "quantization_config": {"quant_method": "fp8"},
    },
    "meta-llama/Llama-3.3-70B-Instruct": _decoder(
        "llama",
        "LlamaForCausalLM",
        max_position_embeddings=131072,
        num_attention_heads=64,
        num_key_value_heads=8,
        num_hidden_layers=80,
    ),
    "Qwen/Qwen3-VL-4B-Instruct": {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "text_config": {"max_position_embeddings": 262144, "num_attention_heads": 32, "num_key_value_heads": 8},
    },
    "BAAI/bge-m3": _decoder("xlm-roberta", "XLMRobertaModel", max_position_embeddings=8194, num_attention_heads=16),
    "BAAI/bge-reranker-v2-m3": _decoder(
        "xlm-roberta", "XLMRobertaForSequenceClassification", max_position_embeddings=8194, num_attention_heads=16
    ),
}
_GGUF = {
    "Qwen/Qwen3-4B-GGUF": "Qwen3-4B-Q4_K_M.gguf",
    "Qwen/Qwen3-0.6B-GGUF": "Qwen3-0.6B-Q8_0.gguf",
}
_ADAPTERS = ("my-team/qwen3-4b-sql", "my-team/qwen3-4b-support")


def repositories() -> dict[str, dict[str, bytes]]:
    """Return the files of each repository, by path."""
    weights = safetensors(w=("BF16", 400))
    found: dict[str, dict[str, bytes]] = {
        repo: {"config.json": json.dumps(config).encode(), "model.safetensors": weights, "tokenizer.json": b"{}"}
        for repo, config in _CONFIGS.items()
    }
    for repo, file in _GGUF.items():
        found[repo] = {file: b"GGUF" + bytes(400)}
    adapter = json.dumps({"peft_type": "LORA", "r": 16, "base_model_name_or_path": "Qwen/Qwen3-4B-Instruct-2507"})
    for repo in _ADAPTERS:
        found[repo] = {"adapter_config.json": adapter.encode(), "adapter_model.safetensors": weights}
    return found
