"""List which parsers of tool calls and of reasoning the model families need in vLLM.

Sources: docs/features/tool_calling.md and docs/features/reasoning_outputs.md of vLLM, and the recipes of
vllm-project/recipes (models/*/*.yaml) of August 2026. A family that these do not name is not here.
"""

from __future__ import annotations

import re

from modelgen.engines.facts import Family

# The first parser is the recommended one. `hf` reads the format from the tokenizer.
TOOLS = tuple(
    Family(re.compile(begin), (*parsers, "hf"))
    for begin, parsers in (
        (r"qwen3-coder", ("qwen3_coder", "qwen3_xml")),
        (r"qwen3\.[568]-", ("qwen3_coder", "qwen3_xml")),
        (r"(?:qwen3-(?:next-)?\d|qwq-|qwen2\.5-\d)", ("hermes", "qwen3_json")),
        (r"hermes-[234]-", ("hermes",)),
        (r"(?:diffusion)?gemma-?4-", ("gemma4",)),
        (r"functiongemma", ("functiongemma",)),
        (r"(?:meta-)?llama-3\.[123]-\d+b-instruct", ("llama3_json", "llama4_json", "pythonic")),
        (r"llama-4-", ("llama4_pythonic", "llama4_json", "pythonic")),
        (r"(?:mistral-(?:7b-instruct-v0\.3|nemo|small|medium|large)|ministral-|devstral|magistral)", ("mistral",)),
        (r"deepseek-v3(?:-0324)?$|deepseek-r1(?:-0528)?$", ("deepseek_v3",)),
        (r"deepseek-v3\.1", ("deepseek_v31",)),
        (r"deepseek-v3\.2", ("deepseek_v32", "deepseek_v31")),
        (r"deepseek-v4-", ("deepseek_v4",)),
        (r"kimi-k2", ("kimi_k2",)),
        (r"kimi-k3", ("kimi_k3",)),
        (r"glm-4\.[56]", ("glm45", "glm4_moe", "glm47")),
        (r"glm-(?:4\.7|5)", ("glm47", "glm45")),
        (r"gpt-oss-", ("openai",)),
        (r"minimax-m2", ("minimax_m2",)),
        (r"minimax-m3", ("minimax_m3",)),
        (r"seed-oss-", ("seed_oss",)),
        (r"step-3\.[57]-", ("step3p5",)),
        (r"lfm2\.5-", ("lfm2",)),
        (r"nvidia-nemotron-3", ("qwen3_coder", "qwen3_xml")),
        (r"mimo-v2\.5", ("mimo",)),
        (r"laguna-", ("poolside_v1",)),
    )
)
REASONING = tuple(
    Family(re.compile(begin), (*parsers, "hf"))
    for begin, parsers in (
        (r"qwen3(?:\.[568])?-(?!coder)", ("qwen3", "deepseek_r1", "deepseek_v3")),
        (r"(?:diffusion)?gemma-?4-", ("gemma4",)),
        (r"deepseek-r1(?:-0528)?$", ("deepseek_r1",)),
        (r"deepseek-v4-", ("deepseek_v4",)),
        (r"kimi-k2", ("kimi_k2",)),
        (r"kimi-k3", ("kimi_k3",)),
        (r"glm-(?:4\.[567]|5)", ("glm45", "glm4_moe", "glm47")),
        (r"gpt-oss-", ("openai_gptoss", "GptOss")),
        (r"minimax-m2", ("minimax_m2", "minimax_m2_append_think")),
        (r"minimax-m3", ("minimax_m3",)),
        (r"magistral|mistral-(?:small-4|medium-3\.5)|ministral-3-.*reasoning", ("mistral",)),
        (r"seed-oss-", ("seed_oss",)),
        (r"step-3\.[57]-", ("step3p5",)),
        (r"mimo-v2\.5", ("mimo",)),
        (r"laguna-", ("poolside_v1",)),
    )
)
PARSERS = {"tool-call-parser": TOOLS, "reasoning-parser": REASONING}
