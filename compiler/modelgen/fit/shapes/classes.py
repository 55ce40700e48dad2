"""Refuse a config.json whose parts contradict each other."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modelgen.fit.shapes.numbers import CannotEstimateError, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_METHODS = frozenset(
    {"aqlm", "auto-round", "auto_awq", "auto_gptq", "awq", "awq_marlin", "bitblas", "bitnet", "bitsandbytes"}
    | {
        "compressed-tensors",
        "compressed_tensors",
        "deepseek_v4_fp8",
        "deepspeedfp",
        "eetq",
        "experts_int8",
        "fbgemm_fp8",
    }
    | {"fp8", "fp_quant", "gguf", "gpt_oss_mxfp4", "gptq", "gptq_bitblas", "gptq_marlin", "gptq_marlin_24", "hqq"}
    | {"humming", "inc", "ipex", "marlin", "modelopt", "modelopt_fp4", "modelopt_fp8", "modelopt_mixed"}
    | {"modelopt_mxfp8", "moe_wna16", "mxfp4", "mxfp8", "online", "petit_nvfp4", "ptpc_fp8", "qqq", "quark", "rtn"}
    | {"torchao", "tpu_int8", "w8a8_fp8", "w8a8_int8"}
)
"""The names of vllm/model_executor/layers/quantization/__init__.py in 0.12.0 and 0.32.0, and those that went before."""
_CLASSES = {
    "kimi_k2": "deepseek_v3",
    "hunyuan_v1_dense": "hunyuan_dense_v1",
    "ernie4_5_moe_vl": "ernie4_5_vl_moe",
}
"""Families whose classes have another name."""


def check_class(config: Mapping[str, Any], family: str, known: Iterable[str], *, is_nested: bool) -> None:
    """Refuse a class of another family: engines take the model's code by `architectures`, not by `model_type`.

    The class of a nested config is that of the whole model, which has a name of its own.

    Args:
        config: The config.json.
        family: `model_type` of the text model.
        known: All families.
        is_nested: Whether the text model has a table of its own.

    Raises:
        CannotEstimateError: The class is that of another family, or there is none.
    """
    written = config.get("architectures")
    if written is None:
        return
    if not isinstance(written, list) or not written or not isinstance(written[0], str):
        raise CannotEstimateError("`architectures` of config.json names no class")
    if is_nested:
        return
    name = _plain(written[0])
    named = [one for one in {*map(_plain, known), *map(_plain, _CLASSES.values())} if one in name]
    own = _plain(_CLASSES.get(family, family))
    if own not in named or len(own) < max(map(len, named)):
        raise CannotEstimateError(f"`{written[0][:60]}` of config.json is not a class of the family `{family}`")


def check_quantization(config: Mapping[str, Any]) -> None:
    """Refuse a `quantization_config` that engines do not load.

    Raises:
        CannotEstimateError: It is not a table, or its method is not known.
    """
    written = config.get("quantization_config")
    if written is None:
        return
    if not isinstance(written, dict):
        raise CannotEstimateError("`quantization_config` of config.json is not a table")
    method = written.get("quant_method", "modelopt" if "quant_algo" in written else None)
    if not isinstance(method, str) or method.lower() not in _METHODS:
        raise CannotEstimateError(f"the quantization `{named(method)}` of config.json is not known")


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower().removesuffix("_text") if letter.isalnum())
