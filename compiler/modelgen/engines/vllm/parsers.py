"""List which parsers of tool calls and of reasoning the model families need in vLLM.

Sources: docs/features/tool_calling.md and docs/features/reasoning_outputs.md of vLLM (0.10.0, 0.11.2 and 0.33.0), and
the recipes of vllm-project/recipes (models/*/*.yaml) of August 2026. A family that these do not name is not here.
"""

from __future__ import annotations

from modelgen.engines.flags.families import families

# It reads the format from the tokenizer.
_ANY = "hf"
_TOOLS: dict[str, tuple[str, ...]] = {
    "qwen3-coder": ("qwen3_coder", "qwen3_xml"),
    "qwen3.5": ("qwen3_coder", "qwen3_xml"),
    "qwen3": ("hermes", "qwen3_json"),
    "hermes": ("hermes",),
    "gemma-4": ("gemma4",),
    "functiongemma": ("functiongemma",),
    "llama-3": ("llama3_json", "llama4_json", "pythonic"),
    "llama-4": ("llama4_pythonic", "llama4_json", "pythonic"),
    "mistral": ("mistral",),
    "deepseek-v3": ("deepseek_v3",),
    "deepseek-v3.1": ("deepseek_v31",),
    # It came in 0.11, before the parser of its own.
    "deepseek-v3.2-exp": ("deepseek_v32", "deepseek_v31"),
    "deepseek-v3.2": ("deepseek_v32",),
    "deepseek-v4": ("deepseek_v4",),
    "kimi-k2": ("kimi_k2",),
    "kimi-k3": ("kimi_k3",),
    "glm-4.5": ("glm45", "glm4_moe", "glm47"),
    "glm-4.7": ("glm47",),
    "gpt-oss": ("openai",),
    # Until 0.17, the page names `hermes` for Granite 4.0.
    "granite-4": ("granite4", "hermes"),
    "granite-3": ("granite",),
    "hunyuan-a13b": ("hunyuan_a13b",),
    "internlm": ("internlm",),
    "jamba": ("jamba",),
    "longcat": ("longcat",),
    "olmo-3": ("olmo3",),
    "gigachat-3": ("gigachat3",),
    "apertus": ("apertus",),
    "minimax-m1": ("minimax",),
    "minimax-m2": ("minimax_m2",),
    "minimax-m3": ("minimax_m3",),
    "seed-oss": ("seed_oss",),
    "step-3.5": ("step3p5",),
    "lfm2.5": ("lfm2",),
    "nemotron-3": ("qwen3_coder", "qwen3_xml"),
    "mimo-v2.5": ("mimo",),
    "laguna": ("poolside_v1",),
}
_REASONING: dict[str, tuple[str, ...]] = {
    "qwen3 reasoning": ("qwen3", "deepseek_r1", "deepseek_v3"),
    "gemma-4": ("gemma4",),
    "deepseek-r1": ("deepseek_r1",),
    "deepseek-v3.1 reasoning": ("deepseek_v3", "deepseek_r1"),
    "deepseek-v4": ("deepseek_v4",),
    "ernie-4.5": ("ernie45",),
    "granite-3 reasoning": ("granite",),
    "hunyuan-a13b": ("hunyuan_a13b",),
    "kimi-k2": ("kimi_k2",),
    "kimi-k3": ("kimi_k3",),
    "glm-4.5": ("glm45", "glm4_moe", "glm47"),
    "glm-4.7": ("glm45", "glm4_moe", "glm47"),
    "gpt-oss": ("openai_gptoss", "GptOss"),
    "minimax-m2": ("minimax_m2", "minimax_m2_append_think"),
    "minimax-m3": ("minimax_m3",),
    "mistral reasoning": ("mistral",),
    "seed-oss": ("seed_oss",),
    "step-3.5": ("step3p5",),
    "mimo-v2.5": ("mimo",),
    "laguna": ("poolside_v1",),
}
PARSERS = {"tool-call-parser": families(_TOOLS, _ANY), "reasoning-parser": families(_REASONING, _ANY)}
