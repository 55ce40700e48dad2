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
# The same of Quark, by the types of weights and activations.
_OF_QUARK = {
    ("fp8_e4m3", "fp8_e4m3"): "FP8 (Quark)",
    ("int4", ""): "INT4 weights (Quark)",
    ("uint4", ""): "INT4 weights (Quark)",
}
_MXFP4 = "mxfp4-pack-quantized"
# Methods that are named after the tool that wrote the checkpoint.
_IN_WORDS = {"modelopt": "FP8 (modelopt)", "modelopt_fp8": "FP8 (modelopt)", "modelopt_fp4": "NVFP4 (modelopt)"}


def in_words(name: str) -> str:
    """Return the name of a quantization for messages: its format, where the method names a tool."""
    return _IN_WORDS.get(name, name)


def kind_of_checkpoint(method: str, config: Mapping[str, Any]) -> str:
    """Return the kind by which engines choose the kernels: the scheme, for methods that have several.

    Args:
        method: `quant_method` of the checkpoint, or the value of the flag `quantization`.
        config: `quantization_config` of the checkpoint; empty for the flag.
    """
    if method == "quark":
        return _quark(config)
    return scheme(config) if method == "compressed-tensors" else _modelopt(method, config)


def _modelopt(method: str, config: Mapping[str, Any]) -> str:
    """Return the method of a checkpoint of NVIDIA's ModelOpt, whose `quant_algo` tells its kind; others as they are."""
    if method != "modelopt" or not config:
        return method
    return {"FP8": "modelopt", "NVFP4": "modelopt_fp4"}.get(str(config.get("quant_algo")), "")


def scheme(config: Mapping[str, Any]) -> str:
    """Return the scheme of a compressed-tensors checkpoint; empty for an unknown one, or for several."""
    groups = config.get("config_groups")
    found = {_scheme_of(group) for group in groups.values()} if isinstance(groups, dict) else set()
    only = found.pop() if len(found) == 1 else ""
    return "MXFP4 weights" if only == "NVFP4" and config.get("format") == _MXFP4 else only


def _quark(config: Mapping[str, Any]) -> str:
    """Return the scheme of a checkpoint of AMD's Quark; empty for an unknown one.

    Layers with a scheme of their own, or attention that is not quantized, leave layers for which no scheme is needed.
    """
    table = config.get("global_quant_config")
    if not isinstance(table, dict) or config.get("layer_quant_config") or config.get("layer_type_quant_config"):
        return ""
    if any("attn" in str(name) for name in config.get("exclude") or ()):
        return ""
    types = (table.get("weight"), table.get("input_tensors"))
    if any(one is not None and not isinstance(one, dict) for one in types):
        return ""
    weight, activation = (str(one.get("dtype")) if one else "" for one in types)
    return _OF_QUARK.get((weight, activation), "")


def _scheme_of(group: Any) -> str:  # noqa: ANN401 - whatever config.json holds
    table = group if isinstance(group, dict) else {}
    return _SCHEMES.get((_kind(table.get("weights")), _kind(table.get("input_activations"))), "")


def _kind(table: Any) -> str:  # noqa: ANN401 - whatever config.json holds
    """Return the type of a tensor, such as `float8`; empty for one that is not quantized."""
    return f"{table.get('type')}{table.get('num_bits')}" if isinstance(table, dict) else ""
