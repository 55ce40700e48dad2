"""Check the chat template of a model that serves /v1/chat/completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.weights.chat_templates import TEMPLATE_FLAG, needs_template
from modelgen.hub.loading.findings import Defect
from modelgen.hub.loading.tokenizer import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates/default.jinja")


def missing_template(plan: Plan, tokenizer: Files, own: Files, config: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield a defect if a model that writes text has no chat template.

    Args:
        plan: The plan of the model.
        tokenizer: The snapshot that has the tokenizer.
        own: The model's own snapshot, with the processor.
        config: Its config.json.
    """
    if plan.is_pooling or TEMPLATE_FLAG in plan.args or not needs_template(plan.args, config, own):
        return
    if not (_has_template(tokenizer) or _has_template(own)):
        yield Defect(
            "chat-template",
            SETTINGS,
            "has no `chat_template`, and there is no chat_template.jinja: requests to /v1/chat/completions will fail",
            help=f"set `{TEMPLATE_FLAG}` in the model's `args` if clients chat with it; otherwise ignore this",
            is_wrong=False,
        )


def _has_template(files: Files) -> bool:
    if files.first(*TEMPLATES):
        return True
    return any(bool(files.table(name).get("chat_template")) for name in (SETTINGS, "processor_config.json"))
