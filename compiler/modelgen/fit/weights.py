"""Read the bytes of a model's weights on GPUs from the tensors in models.lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.fit.shapes import CannotEstimateError, read_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.fit.shapes import Shape

_WHOLE = ("float32", "float")
_LARGEST_TOWER = 16 * 10**9
_LEAST, _MOST = 0.5, 6
"""Bytes, by which tensors are for certain larger and smaller: two values of 2 bits, and 4 bytes with half as many
more parameters."""


def weights_of(stored: Mapping[str, int], config: Mapping[str, Any], args: Mapping[str, Any]) -> int:
    """Return the bytes of the tensors as they are loaded.

    Values in 32 bits are loaded in 16, whichever of the two types it is (`_resolve_auto_dtype` in vllm/config/model.py,
    `_get_and_verify_dtype` in sglang/srt/configs/model_config.py). Those of a quantized model are scales, and stay.

    Args:
        stored: Bytes by the type of the tensors.
        config: The model's config.json.
        args: Its flags, by canonical name.

    Raises:
        CannotEstimateError: The sizes are not known, or contradict config.json.
    """
    size = sum(stored.values())
    if not size:
        raise CannotEstimateError("the sizes of its tensors are not known: it is no checkpoint of safetensors")
    _check(size, config, read_shape(config))
    is_cast = config.get("quantization_config") is None and args.get("dtype") not in _WHOLE
    return size - stored.get("F32", 0) // 2 if is_cast else size


def _check(size: int, config: Mapping[str, Any], shape: Shape) -> None:
    """Refuse tensors that cannot be those of the model. Without the number of its experts, there is no upper bound.

    Args:
        size: Bytes of the tensors.
        config: The model's config.json.
        shape: What was read from it.

    Raises:
        CannotEstimateError: They are smaller or larger than any type of weights makes them.
    """
    least = _LEAST * shape.depth * shape.hidden**2
    layers = shape.depth * shape.hidden * (4 * max(shape.hidden, shape.heads * shape.head) + 3 * shape.intermediate)
    layers *= 2 if any(one.kind == "cross" for one in shape.layers) else 1  # an encoder is as deep
    parameters = (layers + 2 * shape.vocabulary * shape.hidden) / (1 - shape.experts)
    most = _MOST * parameters + (_LARGEST_TOWER if shape.tower else 0)
    tables = [config, *(value for value in config.values() if isinstance(value, dict))]
    is_open = not shape.experts and any("expert" in key for table in tables for key in table)
    if not least <= size <= (size if is_open else most):
        raise CannotEstimateError("the sizes of config.json do not agree with the tensors")
