"""Describe the features of LoRA adapters that vLLM's releases refuse.

Source: vllm/lora/peft_helper.py of 45 releases from 0.8.5 to 0.33.0 (`_validate_features`, `validate_legal`). A change
counts from the first release that was read with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.images.versions import Version

# Other methods of PEFT lack `lora_alpha` ("Missing required configuration fields"), or have other tensors, as AdaLoRA
# does ("is unsupported LoRA weight" in vllm/lora/utils.py): 0.8.5 to 0.33.0.
_LORA = "LORA"
# PEFT stores them as `trainable_tokens_delta`: "is unsupported LoRA weight" (vllm/lora/utils.py, 0.8.5 to 0.33.0).
_TOKENS = "trainable_token_indices"
_BIAS_FLAG, _BIAS_FLAG_UNTIL = "enable-lora-bias", (0, 11, 1)
_CLASSIFIERS, _CLASSIFIERS_SINCE = frozenset({"classifier", "score"}), (0, 31)
_MORE_SINCE = (0, 32)
_INITS = frozenset({"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
_LATER = ("lora_bias", "alora_invocation_tokens", "layer_replication", "use_bdlora", "use_qalora")


def refused_features(version: Version, args: Mapping[str, Any], adapter: Mapping[str, Any]) -> Iterator[str]:
    """Yield the features of an adapter that a release refuses, as they are written in adapter_config.json.

    Args:
        version: vLLM's version.
        args: Flags by canonical name.
        adapter: The adapter_config.json.
    """
    method = adapter.get("peft_type")
    if isinstance(method, str) and method.upper() != _LORA:
        yield f"peft_type = {method}"
    saved = adapter.get("modules_to_save")
    if isinstance(saved, list) and {*map(str, saved)} - (
        _CLASSIFIERS if version.release >= _CLASSIFIERS_SINCE else frozenset()
    ):
        yield f"modules_to_save = {saved}"
    if adapter.get("use_dora") is True:
        yield "use_dora = true"
    if adapter.get(_TOKENS):
        yield f"{_TOKENS} = {adapter[_TOKENS]}"
    bias = adapter.get("bias", "none")
    is_allowed = version.release < _BIAS_FLAG_UNTIL and args.get(_BIAS_FLAG) is True
    if isinstance(bias, str) and bias != "none" and not is_allowed:
        yield f"bias = {bias}"
    if version.release >= _MORE_SINCE:
        yield from (f"{key} = {adapter[key]}" for key in _LATER if adapter.get(key))
        init = adapter.get("init_lora_weights")
        if isinstance(init, str) and init.lower() not in _INITS:
            yield f"init_lora_weights = {init}"
