"""Decide from a config.json and file names whether a model can chat only with a chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.api.warmup import architectures

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

TEMPLATE_FLAG = "chat-template"
TOKENIZER_MODE = "tokenizer-mode"
GGUF_TEMPLATE_FLAGS = ("chat-template", "chat-template-file", "jinja-template")
"""Flags that name a template for a GGUF file."""
_GENERATES = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
# vLLM has its own templates for some models (transformers_utils/chat_templates/registry.py); gpt-oss and newer DeepSeek
# models are encoded by code, and speech models do not chat.
_WITHOUT = frozenset(
    {"blip-2", "colpali", "deepseek_ocr", "deepseek_ocr2", "deepseek_v32", "deepseek_v4", "deepseek_vl_v2", "gpt_oss"}
    | {"minicpmv", "paligemma", "unlimited-ocr", "unlimited_ocr", "whisper"}
)
# An embedding model does not chat, and Mistral's own tokenizer encodes chats by itself.
_NO_CHAT_OR_OWN = ("modules.json", "tekken.json")


def needs_template(args: Mapping[str, Any], config: Mapping[str, Any], files: Container[str]) -> bool:
    """Return whether a model that generates text answers chats only with a chat template.

    Args:
        args: Flags by canonical name.
        config: The model's config.json.
        files: Paths of the snapshot's files.
    """
    is_encoded = args.get(TOKENIZER_MODE, "auto") not in ("auto", "hf", "slow") or config.get("model_type") in _WITHOUT
    generates = any(name.endswith(_GENERATES) for name in architectures(config))
    return generates and not is_encoded and not any(path in files for path in _NO_CHAT_OR_OWN)
