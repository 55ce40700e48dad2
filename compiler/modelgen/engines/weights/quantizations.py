"""Compare the quantization of a checkpoint with what an engine loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.weights.model_config import quantization, text_config

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

# Methods, each with the kernels that the engines take for it (`override_quantization_method`). Only these are compared:
# other flags replace the method of the checkpoint, or quantize it further (`_verify_quantization` in
# vllm/config/model.py of 0.12.0 and 0.32.0, in sglang/srt/configs/model_config.py of 0.4.6 to 0.5.23).
_KERNELS = {
    "awq": frozenset({"awq", "awq_marlin", "auto_awq"}),
    "gptq": frozenset({"gptq", "gptq_marlin", "auto_gptq"}),
    "fp8": frozenset({"fp8"}),
    "compressed-tensors": frozenset({"compressed-tensors"}),
    "bitsandbytes": frozenset({"bitsandbytes"}),
}
# `get_config_filenames`: where the engine reads a quantization that config.json does not have.
_NEED_A_CONFIG = {
    "awq": ("quant_config.json", "quantize_config.json"),
    "gptq": ("quantize_config.json",),
}
# Formats that only other programs load.
_FOREIGN = {"exl2": "ExLlamaV2", "exl3": "ExLlamaV3"}
_MLX = frozenset({"group_size", "bits", "mode"})
# Names that releases replace before they look a method up: those of ModelOpt by its algorithm, and AutoRound.
_REPLACED = ("auto-round", "auto_round", "modelopt")


def method_of(config: Mapping[str, Any]) -> str:
    """Return the method of a checkpoint as engines compare it; empty without one.

    `compressed_tensors` is an older name, and `compression_config` the older key.
    """
    written = quantization(config) or next(
        (table["compression_config"] for table in (config, text_config(config)) if "compression_config" in table), {}
    )
    method = written.get("quant_method") if isinstance(written, dict) else None
    return method.lower().replace("compressed_tensors", "compressed-tensors") if isinstance(method, str) else ""


def is_at_odds(method: str, flag: str) -> bool:
    """Return whether engines refuse a value of the flag for a checkpoint of a method."""
    return method in _KERNELS and flag not in _KERNELS[method] and any(flag in names for names in _KERNELS.values())


def has_kernels(method: str) -> bool:
    """Return whether engines choose among several kernels for a method."""
    return len(_KERNELS.get(method, ())) > 1


def lacks_quantization(config: Mapping[str, Any], flag: str, files: Container[str]) -> bool:
    """Return whether a flag needs a quantized checkpoint, and neither config.json nor another file describes one."""
    if quantization(config) or "compression_config" in config or "compression_config" in text_config(config):
        return False
    method = next((method for method, names in _KERNELS.items() if flag in names), "")
    return method in _NEED_A_CONFIG and not any(name in files for name in _NEED_A_CONFIG[method])


def foreign_program(config: Mapping[str, Any]) -> str:
    """Return the program whose format a checkpoint has, if no engine loads it; empty otherwise.

    MLX writes its table twice, and without a method.
    """
    table = quantization(config)
    is_mlx = {"group_size", "bits"} <= {*table} <= _MLX and config.get("quantization") == table
    return "MLX" if is_mlx else _FOREIGN.get(method_of(config), "")


def is_compared(method: str) -> bool:
    """Return whether releases look a method up by this name."""
    return bool(method) and not any(name in method for name in _REPLACED)
