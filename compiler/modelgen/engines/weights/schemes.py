"""Tell the kind of a quantized checkpoint from its `quantization_config`, where the method alone does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = {
    ("float8", "float8"): "FP8",
    ("float8", ""): "FP8",
    ("int8", "int8"): "INT8",
    ("int4", ""): "INT4 weights (W4A16)",
    ("int8", ""): "INT8 weights (W8A16)",
    ("int4", "float8"): "INT4 weights with FP8 activations",
    ("float4", "float4"): "NVFP4",
    ("float4", ""): "NVFP4",
}


# Methods that are named after the tool that wrote the checkpoint.
_IN_WORDS = {"modelopt": "FP8 (modelopt)", "modelopt_fp8": "FP8 (modelopt)", "modelopt_fp4": "NVFP4 (modelopt)"}


def in_words(name: str) -> str:
    """Return the name of a quantization for messages: its format, where the method names a tool."""
    return _IN_WORDS.get(name, name)


def modelopt(method: str, config: Mapping[str, Any]) -> str:
    """Return the method of a checkpoint of NVIDIA's ModelOpt, whose `quant_algo` tells its kind; others as they are."""
    if method != "modelopt" or not config:
        return method
    return {"FP8": "modelopt", "NVFP4": "modelopt_fp4"}.get(str(config.get("quant_algo")), "")


def scheme(config: Mapping[str, Any]) -> str:
    """Return the scheme of a compressed-tensors checkpoint; empty for an unknown one, or for several."""
    groups = config.get("config_groups")
    found = {_scheme_of(group) for group in groups.values()} if isinstance(groups, dict) else set()
    return found.pop() if len(found) == 1 else ""


def _scheme_of(group: Any) -> str:  # noqa: ANN401 - whatever config.json holds
    table = group if isinstance(group, dict) else {}
    return _SCHEMES.get((_kind(table.get("weights")), _kind(table.get("input_activations"))), "")


def _kind(table: Any) -> str:  # noqa: ANN401 - whatever config.json holds
    """Return the type of a tensor, such as `float8`; empty for one that is not quantized."""
    return f"{table.get('type')}{table.get('num_bits')}" if isinstance(table, dict) else ""
