"""Read what speculative decoding adds: the tokens that are drafted, and the layers of the draft with their cache.

Source: vllm/config/speculative.py and vllm/v1/spec_decode, read in the releases from 0.11.0 to 0.33.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.shapes import CannotEstimateError, read_shape
from modelgen.fit.shapes.numbers import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.fit.shapes import Layers, Shape

_WITHOUT_WEIGHTS = ("ngram", "[ngram]", "ngram_gpu", "suffix")
_WITH_A_MODEL = ("eagle", "eagle3", "dflash", "draft_model")
_NEXT = ("num_nextn_predict_layers", "mtp_num_hidden_layers")


class Draft(NamedTuple):
    """The tokens, layers and weights of a draft.

    Args:
        tokens: The tokens that are drafted at once; 0 without speculative decoding.
        layers: The layers of the draft that have a cache.
        weights: Bytes of a draft model of its own; 0 if the model's files have the draft.
        unused: The share of the model's tensors that only drafts need, and that are not loaded without them.
    """

    tokens: int
    layers: tuple[Layers, ...]
    weights: int
    unused: float


def draft_of(
    written: Mapping[str, Any], config: Mapping[str, Any], shape: Shape, model: tuple[Mapping[str, Any], int] | None
) -> Draft:
    """Return what is drafted.

    Args:
        written: The speculative config, as a table; empty without one.
        config: The model's config.json.
        shape: The model.
        model: Config and bytes of the draft model; None without one, or if it is not locked.

    Raises:
        CannotEstimateError: The method is not known, or the draft model is not.
    """
    layers = _next_layers(config)
    if not written:
        return Draft(0, (), 0, layers / (shape.depth + layers))
    method = written.get("method") or ("ngram" if written.get("model") in _WITHOUT_WEIGHTS else None)
    tokens = written.get("num_speculative_tokens")
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 1 <= tokens <= 1000:
        raise CannotEstimateError("`speculative-config` does not say how many tokens are drafted")
    if method in _WITHOUT_WEIGHTS:
        return Draft(tokens, (), 0, layers / (shape.depth + layers))
    if method == "mtp" or (isinstance(method, str) and method.endswith("_mtp")):
        return Draft(tokens, _like(shape.layers, max(1, layers)), 0, 0.0)
    if method is None or method in _WITH_A_MODEL:
        if model is None:
            raise CannotEstimateError("the draft model is not locked; run `modelgen lock`")
        return Draft(tokens, read_shape(model[0]).layers, model[1], layers / (shape.depth + layers))
    raise CannotEstimateError(f"the method `{str(method)[:40]}` of `speculative-config` is not known")


def joined(layers: Sequence[Layers], more: Sequence[Layers]) -> tuple[Layers, ...]:
    """Return the layers of both; those of the same kind and size are counted together, as vLLM groups them."""
    found = {one._replace(number=0): one.number for one in layers}
    for one in more:
        key = one._replace(number=0)
        found[key] = found.get(key, 0) + one.number
    return tuple(key._replace(number=number) for key, number in found.items())


def _next_layers(config: Mapping[str, Any]) -> int:
    """Return the layers for multi-token prediction in the model's own files."""
    text = config.get("text_config")
    tables = [text, config] if isinstance(text, dict) else [config]
    return next((count(table, key) for table in tables for key in _NEXT if table.get(key)), 0)


def _like(layers: Sequence[Layers], number: int) -> tuple[Layers, ...]:
    """Return the attention of a layer for multi-token prediction: like the model's that keeps every token."""
    kinds = ("full", "latent", "index")
    found = [one._replace(number=number) for one in layers if one.kind in kinds]
    if not found:
        raise CannotEstimateError("which cache its layers for multi-token prediction have is not known")
    return tuple(found)
