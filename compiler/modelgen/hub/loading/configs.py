"""Check the small JSON files of a checkpoint that an engine opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.hub.loading.findings import REPOSITORY, Defect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.hub.loading.findings import LookUp
    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

CONFIG, PARAMS, GENERATION = "config.json", "params.json", "generation_config.json"
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
# vLLM and SGLang build the processors of these models from config.json.
_OWN_PROCESSORS = ("internvl_chat", "h2ovl_chat", "NVLM_D", "skywork_chat", "deepseek_vl_v2")
_SEES = ("vision_config", "audio_config")


def missing_configs(plan: Plan, described_by: Files, own: Files, config: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield a defect for each config that is missing or cannot be read.

    Args:
        plan: The plan of the model.
        described_by: The snapshot that has the config.
        own: The model's own snapshot.
        config: Its config.json, if there is one.
    """
    form = plan.text("config-format") if plan.opens.config_formats else "hf"
    if form == "mistral" or (form == "auto" and CONFIG not in described_by and PARAMS in described_by):
        yield from _unreadable(described_by, "config", PARAMS)
    elif not (plan.text("load-format") == "gguf" and CONFIG not in described_by):
        yield from _unreadable(described_by, "config", CONFIG)
    if GENERATION in own and plan.text("generation-config") == "auto" and not plan.opens.embeds_only:
        yield from _unreadable(own, "generation-config", GENERATION)
    if _needs_processor(plan, config) and own.first(*PROCESSORS) is None:
        yield Defect(
            "processor", PROCESSORS[0], f"is missing, and so is {PROCESSORS[1]}: the model takes images or sound"
        )


def _unreadable(files: Files, look_up: LookUp, path: str) -> Iterator[Defect]:
    if path not in files:
        yield Defect(look_up, path)
    elif not isinstance(files.json(path), dict):
        yield Defect(look_up, path, "is not JSON, or not a table", keys=REPOSITORY)


def _needs_processor(plan: Plan, config: Mapping[str, Any]) -> bool:
    sees = any(isinstance(config.get(key), dict) for key in _SEES)
    is_off = plan.args.get("language-model-only") is True or plan.text("tokenizer-mode") == "mistral"
    limits = plan.args.get("limit-mm-per-prompt")
    takes_none = isinstance(limits, dict) and {"image", "video", "audio"} <= {*limits} and not any(limits.values())
    is_own = config.get("model_type") in _OWN_PROCESSORS
    return sees and not is_off and not takes_none and not is_own and plan.opens.processor
