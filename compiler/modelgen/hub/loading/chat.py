"""Check the chat template of a model that serves /v1/chat/completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.hub.loading.findings import Defect
from modelgen.hub.loading.tokenizer import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

TEMPLATE_FLAG = "chat-template"
TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/default.jinja")
_GENERATES = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
# vLLM has its own templates for some models (transformers_utils/chat_templates/registry.py); gpt-oss and newer DeepSeek
# models are encoded by code, and speech models do not chat.
_WITHOUT = frozenset(
    {"blip-2", "colpali", "deepseek_ocr", "deepseek_ocr2", "deepseek_v32", "deepseek_v4", "deepseek_vl_v2", "gpt_oss"}
    | {"minicpmv", "paligemma", "unlimited-ocr", "unlimited_ocr", "whisper"}
)


def missing_template(plan: Plan, tokenizer: Files, own: Files, config: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield a defect if a model that writes text has no chat template.

    Args:
        plan: The plan of the model.
        tokenizer: The snapshot that has the tokenizer.
        own: The model's own snapshot, with the processor.
        config: Its config.json.
    """
    if not _chats(plan, own, config) or TEMPLATE_FLAG in plan.args:
        return
    if not (_has_template(tokenizer) or _has_template(own)):
        yield Defect(
            "chat-template",
            SETTINGS,
            "has no `chat_template`, and there is no chat_template.jinja: requests to /v1/chat/completions will fail",
            help=f"set `{TEMPLATE_FLAG}` in the model's `args` if clients chat with it; otherwise ignore this",
            is_wrong=False,
        )


def _chats(plan: Plan, own: Files, config: Mapping[str, Any]) -> bool:
    names = config.get("architectures")
    generates = isinstance(names, list) and any(isinstance(name, str) and name.endswith(_GENERATES) for name in names)
    is_encoded = plan.text("tokenizer-mode") not in ("auto", "hf", "slow") or config.get("model_type") in _WITHOUT
    return not plan.is_pooling and generates and not is_encoded and "modules.json" not in own


def _has_template(files: Files) -> bool:
    if files.first(*TEMPLATES):
        return True
    return any(bool(files.table(name).get("chat_template")) for name in (SETTINGS, "processor_config.json"))
