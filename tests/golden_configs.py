"""Extracts of the config.json of public models: what sizes their KV cache, as their repositories on the hub have it."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]
FULL, SLIDING, STATE = "full_attention", "sliding_attention", "linear_attention"


def of(family: str, layers: int, heads: int, kv: int, hidden: int, **more: object) -> Config:
    """Return an extract; inner width and vocabulary do not matter for the cache."""
    sizes = {"num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv}
    rest = {"hidden_size": hidden, "intermediate_size": 4 * hidden, "vocab_size": 100_000}
    return {"model_type": family, **sizes, **rest, **more}


def latent(family: str, layers: int, heads: int, hidden: int, **more: object) -> Config:
    """Return an extract of a model with MLA: 512 values, and 64 with a position."""
    return of(family, layers, heads, heads, hidden, kv_lora_rank=512, qk_rope_head_dim=64, **more)


def delta_net(layers: int, heads: int, kv: int, hidden: int, values: int, **more: object) -> Config:
    """Return an extract of a model with gated delta nets in three of four layers."""
    linear = {"linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_value_head_dim": 128}
    config = {"linear_num_value_heads": values, "linear_conv_kernel_dim": 4, "head_dim": 256}
    return of("qwen3_next", layers, heads, kv, hidden, **linear, **config, **more)


def mamba2(family: str, layers: int, hidden: int, kv: int, **more: object) -> Config:
    """Return an extract of a model with Mamba 2 as IBM writes it: 128 heads of 64 values."""
    sizes = {"mamba_n_heads": 128, "mamba_d_head": 64, "mamba_n_groups": 1, "mamba_d_state": 128, "mamba_d_conv": 4}
    return of(family, layers, 32, kv, hidden, mamba_expand=2, **sizes, **more)


def every(layers: int, pattern: int, one: str = FULL, others: str = SLIDING) -> list[str]:
    """Return the kinds of layers where every nth is of another kind."""
    return [one if (number + 1) % pattern == 0 else others for number in range(layers)]


GEMMA_4 = {"head_dim": 256, "global_head_dim": 512}
CONFIGS: dict[str, Config] = {
    "Qwen2.5-1.5B": of("qwen2", 28, 12, 2, 1536),
    "Qwen2.5-7B": of("qwen2", 28, 28, 4, 3584, sliding_window=131_072, use_sliding_window=False),
    "Qwen2.5-VL-7B": of("qwen2_5_vl", 28, 28, 4, 3584, vision_config={"hidden_size": 1280}),
    "Qwen3-0.6B": of("qwen3", 28, 16, 8, 1024, head_dim=128),
    "Qwen3-14B": of("qwen3", 40, 40, 8, 5120, head_dim=128),
    "Qwen3-30B-A3B": of("qwen3_moe", 48, 32, 4, 2048, head_dim=128, num_experts=128, moe_intermediate_size=768),
    "Qwen3-235B-A22B": of("qwen3_moe", 94, 64, 4, 4096, head_dim=128, num_experts=128, moe_intermediate_size=1536),
    "Qwen3-VL-8B": {
        "model_type": "qwen3_vl",
        "text_config": of("qwen3_vl_text", 36, 32, 8, 4096, head_dim=128),
        "vision_config": {"hidden_size": 1152, "intermediate_size": 4304},
    },
    "Qwen3-Next-80B-A3B": delta_net(48, 16, 2, 2048, 32, full_attention_interval=4),
    "Qwen3.5-27B": delta_net(64, 24, 4, 5120, 48, mamba_ssm_dtype="float32", layer_types=every(64, 4, others=STATE)),
    "Qwen3.6-35B-A3B": delta_net(40, 16, 2, 2048, 32, mamba_ssm_dtype="float32"),
    "Llama-3.1-8B": of("llama", 32, 32, 8, 4096),
    "Llama-3.3-70B": of("llama", 80, 64, 8, 8192),
    "Llama-4-Scout": {
        "model_type": "llama4",
        "text_config": of("llama4_text", 48, 40, 8, 5120, head_dim=128, attention_chunk_size=8192),
    },
    "Mistral-7B-v0.1": of("mistral", 32, 32, 8, 4096, sliding_window=4096),
    "Mistral-Small-3.2": {"model_type": "mistral3", "text_config": of("mistral", 40, 32, 8, 5120, head_dim=128)},
    "Mixtral-8x7B": of("mixtral", 32, 32, 8, 4096, num_local_experts=8, num_experts_per_tok=2),
    "Gemma-2-9B": of("gemma2", 42, 16, 8, 3584, head_dim=256, sliding_window=4096),
    "Gemma-3-27B": {
        "model_type": "gemma3",
        "text_config": of("gemma3_text", 62, 32, 16, 5376, head_dim=128, sliding_window=1024),
    },
    "Gemma-3n-E4B": {
        "model_type": "gemma3n",
        "text_config": of("gemma3n_text", 35, 8, 2, 2048, head_dim=256, sliding_window=512)
        | {"num_kv_shared_layers": 15, "layer_types": every(35, 5), "intermediate_size": [16_384] * 35},
    },
    "Gemma-4-E4B": {
        "model_type": "gemma4",
        "text_config": of("gemma4_text", 42, 8, 2, 2560, sliding_window=512, num_kv_shared_layers=18)
        | {"layer_types": every(42, 6), **GEMMA_4},
    },
    "Gemma-4-26B-A4B": {
        "model_type": "gemma4",
        "text_config": of("gemma4_text", 30, 16, 8, 2816, sliding_window=1024, num_global_key_value_heads=2)
        | {"layer_types": every(30, 6), **GEMMA_4},
    },
    "Gemma-4-31B": {
        "model_type": "gemma4",
        "text_config": of("gemma4_text", 60, 32, 16, 5376, sliding_window=1024, num_global_key_value_heads=4)
        | {"layer_types": every(60, 6), **GEMMA_4},
    },
    "gpt-oss-20b": of("gpt_oss", 24, 64, 8, 2880, sliding_window=128, layer_types=every(24, 2)),
    "gpt-oss-120b": of("gpt_oss", 36, 64, 8, 2880, sliding_window=128, layer_types=every(36, 2)),
    "DeepSeek-V2-Lite": latent("deepseek_v2", 27, 16, 2048),
    "DeepSeek-V3": latent("deepseek_v3", 61, 128, 7168, num_nextn_predict_layers=1),
    "DeepSeek-V3.2": latent("deepseek_v32", 61, 128, 7168, index_head_dim=128, index_n_heads=64),
    "Kimi-K2": latent("kimi_k2", 61, 64, 7168),
    "Kimi-Linear-48B": latent(
        *("kimi_linear", 27, 32, 2304),
        linear_attn_config={
            "kda_layers": [layer for layer in range(1, 28) if layer % 4 and layer != 27],
            "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
            "num_heads": 32,
            "head_dim": 128,
            "short_conv_kernel_size": 4,
        },
    ),
    "GLM-4-9B-0414": of("glm4", 40, 32, 2, 4096, head_dim=128),
    "GLM-4.5-Air": of("glm4_moe", 46, 96, 8, 4096, head_dim=128, num_nextn_predict_layers=1),
    "GLM-4.7-Flash": latent("glm4_moe_lite", 47, 20, 2048),
    "GLM-5": latent("glm_moe_dsa", 78, 64, 6144, index_head_dim=128),
    "Phi-3-mini-4k": of("phi3", 32, 32, 32, 3072, sliding_window=2047),
    "Phi-4": of("phi3", 40, 40, 10, 5120),
    "Phi-3.5-MoE": of("phimoe", 32, 32, 8, 4096),
    "Granite-4.0-Micro": of("granite", 40, 40, 8, 2560),
    "Granite-4.0-H-Small": mamba2(
        *("granitemoehybrid", 40, 4096, 8),
        layer_types=["attention" if layer in (5, 15, 25, 35) else "mamba" for layer in range(40)],
    ),
    "Bamba-9B": mamba2("bamba", 32, 4096, 8, attn_layer_indices=[9, 18, 27]),
    "Falcon-H1-1.5B": of("falcon_h1", 24, 8, 2, 2048, head_dim=128, mamba_d_ssm=3072, mamba_n_heads=48)
    | {"mamba_d_head": 64, "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4},
    "Nemotron-H-8B": of("nemotron_h", 52, 32, 8, 4096, head_dim=128, mamba_num_heads=128, mamba_head_dim=64)
    | {"n_groups": 8, "ssm_state_size": 128, "conv_kernel": 4}
    | {"hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"},
    "Jamba-1.5-Mini": of("jamba", 32, 32, 8, 4096, attn_layer_period=8, attn_layer_offset=4, mamba_expand=2)
    | {"mamba_d_state": 16, "mamba_d_conv": 4, "num_experts": 16, "num_experts_per_tok": 2},
    "Mamba-Codestral-7B": {
        "model_type": "mamba2",
        "num_hidden_layers": 64,
        "hidden_size": 4096,
        "expand": 2,
        "num_heads": 128,
        "head_dim": 64,
        "n_groups": 8,
        "state_size": 128,
        "conv_kernel": 4,
        "vocab_size": 32_768,
    },
    "MiniMax-Text-01": of("minimax_text_01", 80, 64, 8, 6144, head_dim=128, attn_type_list=([0] * 7 + [1]) * 10),
    "MiniMax-M2": of("minimax_m2", 62, 48, 8, 3072, head_dim=128),
    "LFM2-1.2B": of("lfm2", 16, 32, 8, 2048, conv_L_cache=3)
    | {"layer_types": ["full_attention" if layer in (2, 5, 8, 10, 12, 14) else "conv" for layer in range(16)]},
    "Command-R7B": of("cohere2", 32, 32, 8, 4096, head_dim=128, sliding_window=4096, sliding_window_pattern=4),
    "Olmo-3-7B": of("olmo3", 32, 32, 32, 4096, sliding_window=4096, layer_types=every(32, 4)),
    "EXAONE-4.0-32B": of("exaone4", 64, 40, 8, 5120, head_dim=128, sliding_window=4096, layer_types=every(64, 4)),
    "SmolLM3-3B": of("smollm3", 36, 16, 4, 2048),
    "Whisper-large-v3": {
        "model_type": "whisper",
        "d_model": 1280,
        "decoder_layers": 32,
        "decoder_attention_heads": 20,
        "decoder_ffn_dim": 5120,
        "max_source_positions": 1500,
        "num_hidden_layers": 32,
        "vocab_size": 51_866,
    },
    "bge-m3": of("xlm-roberta", 24, 16, 16, 1024),
    "ModernBERT-large": of("modernbert", 28, 16, 16, 1024),
}
