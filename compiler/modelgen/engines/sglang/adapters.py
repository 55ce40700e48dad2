"""Describe the features of LoRA adapters that SGLang's releases refuse or ignore.

Source: `lora_config.py`, `lora.py`, `lora_manager.py` and `mem_pool.py` in srt/lora of 26 releases from 0.4.6.post5 to
0.5.23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.images.versions import Version

_LORA = "lora"
# LoRAConfig: "Not supported yet" up to 0.5.6.
_OF_VOCABULARY, _OF_VOCABULARY_SINCE = ("embed_tokens", "lm_head"), (0, 5, 7)


def refused_features(version: Version, _: Mapping[str, Any], adapter: Mapping[str, Any]) -> Iterator[str]:
    """Yield the features of an adapter that a release refuses, as they are written in adapter_config.json.

    Args:
        version: SGLang's version.
        adapter: The adapter_config.json.
    """
    method = adapter.get("peft_type")
    if isinstance(method, str) and method.lower() != _LORA:
        yield f"peft_type = {method}"
    modules = adapter.get("target_modules")
    if isinstance(modules, list) and version.release < _OF_VOCABULARY_SINCE:
        yield from (f"{module} in target_modules" for module in _OF_VOCABULARY if module in modules)
    # "LoRA serving currently doesn't support DoRA adapters" since 0.5.11; no earlier release has DoRA's magnitudes.
    if adapter.get("use_dora") is True:
        yield "use_dora = true"


def ignored_features(adapter: Mapping[str, Any]) -> Iterator[str]:
    """Yield what adapter_config.json says and no release reads: each weight is scaled by `lora_alpha / r`."""
    saved = adapter.get("modules_to_save")
    modules = adapter.get("target_modules")
    # An adapter of all linear layers may have them in target_modules, too.
    if isinstance(saved, list) and isinstance(modules, list) and (left := [one for one in saved if one not in modules]):
        yield f"modules_to_save = {left}"
    if adapter.get("use_rslora") is True:
        yield "use_rslora = true"
    yield from (f"{key} = {adapter[key]}" for key in ("alpha_pattern", "trainable_token_indices") if adapter.get(key))
