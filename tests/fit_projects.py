"""Projects whose lock has configs and sizes of tensors, without a hub."""

from __future__ import annotations

import json
from typing import Any

from modelgen.lockfile.entries import File, Lock, Snapshot
from modelgen.lockfile.writing import render_lock

COMMIT = "cdbee75f17c01a7cc42f958dc650907174af0554"


def dense(*sizes: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    """Return a config.json with full attention: layers, heads, KV heads, width, inner width, vocabulary."""
    layers, heads, kv_heads, hidden, wide, words = sizes
    family = {} if "model_type" in more else {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}
    return {
        **family,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": 128,
        "hidden_size": hidden,
        "intermediate_size": wide,
        "vocab_size": words,
        "max_position_embeddings": 262_144,
    } | more


QWEN_4B = dense(36, 32, 8, 2560, 9728, 151_936)
DEEPSTACK = {"deepstack_visual_indexes": [8, 16, 24]}
QWEN_VL_4B = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "model_type": "qwen3_vl",
    "text_config": QWEN_4B | {"model_type": "qwen3_vl_text"},
    "vision_config": {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096} | DEEPSTACK,
}
QWEN_VL_30B = {
    "architectures": ["Qwen3VLMoeForConditionalGeneration"],
    "model_type": "qwen3_vl_moe",
    "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128},
    "text_config": dense(48, 32, 4, 2048, 6144, 151_936)
    | {"model_type": "qwen3_vl_moe_text", "moe_intermediate_size": 768, "num_experts_per_tok": 8},
    "vision_config": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304} | DEEPSTACK,
}
GEMMA_3 = {
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
    "vision_config": {"hidden_size": 1152},
}
DEEPSEEK_V3 = dense(61, 128, 128, 7168, 18432, 129_280, model_type="deepseek_v3", kv_lora_rank=512, qk_rope_head_dim=64)
QWEN_3_5 = dense(
    *(64, 24, 4, 5120, 17408, 248_320),
    model_type="qwen3_5_text",
    head_dim=256,
    linear_num_key_heads=16,
    linear_key_head_dim=128,
    linear_num_value_heads=48,
    linear_value_head_dim=128,
    linear_conv_kernel_dim=4,
    mamba_ssm_dtype="float32",
)
GPT_OSS = dense(
    *(24, 64, 8, 2880, 2880, 201_088),
    model_type="gpt_oss",
    head_dim=64,
    sliding_window=128,
    layer_types=["sliding_attention", "full_attention"] * 12,
    num_experts_per_tok=4,
)
MISTRAL_7B = dense(32, 32, 8, 4096, 14336, 32_000, model_type="mistral", sliding_window=4096)
LLAMA_4 = dense(48, 40, 8, 5120, 16384, 202_048, model_type="llama4_text", attention_chunk_size=8192)
GIB = 2**30
THREE = (
    ("text-4b", "Qwen/Qwen3-4B-Instruct-2507", QWEN_4B, 8_044_936_192),
    ("qwen3vl-4b", "Qwen/Qwen3-VL-4B-Instruct", QWEN_VL_4B, 8_875_631_616),
    ("qwen3vl", "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ", QWEN_VL_30B, int(16.65 * GIB)),
)


def lock_of(
    models: tuple[tuple[str, str, dict[str, Any], int], ...] = THREE, dtype: str = "BF16", commit: str = COMMIT
) -> bytes:
    """Return a models.lock with an entry for each model, whose tensors have this type."""
    entries = [
        Snapshot(
            repo=repo,
            revision=commit,
            commit=commit,
            models=[name],
            weights={dtype: size},
            code=[],
            files=[
                File(path="config.json", size=len(json.dumps(config)), blob=COMMIT),
                File(path="model.safetensors", size=size + 1000, sha256="0" * 64),
            ],
            config=json.dumps(config),
        )
        for name, repo, config, size in models
    ]
    return render_lock(Lock(snapshots=entries))


def model(name: str, repo: str, memory: str = "", **args: str | int) -> str:
    """Return the table of a model on `gpu0`."""
    written = ", ".join(f"{flag.replace('_', '-')} = {json.dumps(value)}" for flag, value in args.items())
    lines = [
        f"[models.{name}]",
        f'repo = "{repo}"',
        f'revision = "{COMMIT}"',
        'gpus = ["gpu0"]',
        f"args = {{ {written} }}",
    ]
    return "\n".join([*lines, *([f'gpu_memory = "{memory}"'] if memory else []), ""])


HEAD = """[project]
name = "demo"
hub = "./models/hub"
[gpus.gpu0]
card = "RTX 3090"
device = "0"
[engines.vllm]
image = "vllm/vllm-openai:v0.11.0"
"""
PROJECT = (
    HEAD
    + model("text-4b", THREE[0][1], "12GiB", max_model_len=16384)
    + model("qwen3vl-4b", THREE[1][1], max_model_len=32768)
    + model("qwen3vl", THREE[2][1], max_model_len=32768)
)
