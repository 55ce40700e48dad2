"""Divide the weights of a model among GPUs.

Sources: vllm/distributed/parallel_state.py, vllm/distributed/utils.py (`get_pp_indices`), and
vllm/model_executor/layers/fused_moe/config.py (replicas divide the experts, with and without `enable-expert-parallel`).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.shapes import CannotEstimateError
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from modelgen.fit.shapes import Shape

_OFFSET = 0.01
"""The share by which loaded weights differ from the tensors in the files: padding, and buffers that are not stored."""
_COPIED = 0.005
"""The share of the weights that every GPU of a tensor-parallel group has whole: norms and routers. Of the 61.02 GiB of
Qwen3-32B, each of two GPUs has 30.59 GiB (docs/starts.toml), so 0.0013."""
_COPIED_MORE = 0.04
"""The same with parts that are not always divided: a tower, the projections of MLA, states, too few KV heads; and for
MXFP4, whose kernels pad the experts of each GPU."""
_DIVIDED = ("full", "sliding", "chunked")
_PADDED = ("gpt_oss",)
_EXPERT_ERROR = 0.1
"""The error of the share of experts, which is computed from config.json as if all layers were alike."""


class Parallel(NamedTuple):
    """The GPUs of a model.

    Args:
        tensor: The GPUs that divide every layer.
        stages: The GPUs that divide the layers.
        replicas: The copies, each with a cache of its own. They divide the experts.
    """

    tensor: int
    stages: int
    replicas: int

    @property
    def gpus(self) -> int:
        """The number of GPUs."""
        return self.tensor * self.stages * self.replicas


def weights(size: int, shape: Shape, parallel: Parallel, unused: float) -> Line:
    """Return the weights on the GPU that has the most of them.

    Args:
        size: Bytes of the tensors in the files.
        shape: The model.
        parallel: Its GPUs.
        unused: The share of the tensors that may not be loaded.

    Raises:
        CannotEstimateError: The attention heads cannot be divided, or there are more stages than layers.
    """
    if shape.heads % parallel.tensor and shape.heads > 1:
        raise CannotEstimateError(f"its {shape.heads} attention heads cannot be divided by {parallel.tensor} GPUs")
    if parallel.stages > shape.depth:
        raise CannotEstimateError(f"its {shape.depth} layers cannot be divided among {parallel.stages} GPUs")
    experts = size * shape.experts if parallel.replicas > 1 else 0.0
    part = (size - experts) / parallel.tensor + experts / (parallel.tensor * parallel.replicas)
    stage = part / parallel.stages
    # The largest stage has a layer more than the smallest, and the first and the last have the vocabulary besides.
    larger = part * (ceil(shape.depth / parallel.stages) / shape.depth) - stage
    if parallel.stages > 1:
        larger += 2 * shape.vocabulary * shape.hidden / parallel.tensor
    above = stage * _OFFSET + size * _copied(shape, parallel.tensor) / parallel.stages + larger
    below = stage * (_OFFSET + unused)
    if experts:
        above, below = above + stage * _EXPERT_ERROR, below + stage * _EXPERT_ERROR
    how = f"{of_memory(size)} of tensors"
    divided = parallel.tensor * parallel.stages
    how += f" / {divided} GPUs" if divided > 1 else ""
    how += f", experts / {parallel.gpus} GPUs" if experts else ""
    return Line("weights", Amount.around(stage, below, above), "lock", how)


def _copied(shape: Shape, tensor: int) -> float:
    """Return the share of the weights that every GPU of a tensor-parallel group may have whole."""
    if tensor == 1:
        return 0.0
    is_divided = all(one.kind in _DIVIDED and one.heads % tensor == 0 for one in shape.layers)
    return _COPIED if is_divided and shape.tower is None and shape.family not in _PADDED else _COPIED_MORE
