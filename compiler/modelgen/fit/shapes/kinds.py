"""Read of which kind each layer of a model is, from config.json or by the pattern of its family.

Sources: vllm/model_executor/models, one file a family, and the config classes of transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.fit.shapes.numbers import CannotEstimateError, count, part, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.fit.shapes.layers import Kind

_MOST_LAYERS = 10_000
_BY_NAME: dict[str, tuple[Kind, ...]] = {
    "full_attention": ("full",),
    "attention": ("full",),
    "sliding_attention": ("sliding",),
    "chunked_attention": ("chunked",),
    "linear_attention": ("state",),
    "mamba": ("state",),
    "conv": ("state",),
    "hybrid": ("full", "state"),
    "moe": (),
    "mlp": (),
}
_BY_LETTER: dict[str, tuple[Kind, ...]] = {"M": ("state",), "*": ("full",), "-": (), "E": ()}
_EVERY = {"qwen3_next": 4, "qwen3_5": 4, "qwen3_5_text": 4, "qwen3_5_moe": 4, "qwen3_5_moe_text": 4}
_ALWAYS_SLIDING = ("mistral", "phi3", "starcoder2", "mixtral")


def kinds_of(values: Mapping[str, Any], family: str) -> list[Kind]:
    """Return the kinds of all layers that keep something of a sequence. A layer may be of two kinds, or of none.

    Raises:
        CannotEstimateError: A kind is not known, or it is not said which layers have a window.
    """
    layers = _all_layers(values, family)
    shared = count(values, "num_kv_shared_layers")
    if shared and shared >= len(layers):
        raise CannotEstimateError("`num_kv_shared_layers` of config.json is not less than the number of layers")
    # The last layers of Gemma 3n and 4 read the cache of earlier ones.
    return [kind for layer in layers[: len(layers) - shared] for kind in layer]


def _all_layers(values: Mapping[str, Any], family: str) -> list[tuple[Kind, ...]]:
    number = size(values, "num_hidden_layers", "n_layer", "decoder_layers", "num_layers")
    if number > _MOST_LAYERS:
        raise CannotEstimateError("`num_hidden_layers` of config.json is not a number of layers")
    if isinstance(pattern := values.get("hybrid_override_pattern"), str):
        return _named([*pattern], _BY_LETTER, number)
    written = next((values[key] for key in ("layer_types", "layers_block_type") if values.get(key)), None)
    if written is not None:
        return _without_unused_window(_named(written, _BY_NAME, number), values, family)
    by_family = _by_family(values, family, number)
    return [(kind,) if isinstance(kind, str) else kind for kind in by_family]


def _named(written: Any, names: Mapping[str, tuple[Kind, ...]], number: int) -> list[tuple[Kind, ...]]:  # noqa: ANN401
    """Return the kinds of layers with these names, one a layer; names of untrusted types are not known."""
    if not isinstance(written, list) or len(written) != number:
        raise CannotEstimateError("`layer_types` of config.json does not name every layer")
    if any(not isinstance(name, str) or name not in names for name in written):
        raise CannotEstimateError("`layer_types` of config.json has a kind of layer that is not known")
    return [names[name] for name in written]


def _without_unused_window(
    layers: list[tuple[Kind, ...]], values: Mapping[str, Any], family: str
) -> list[tuple[Kind, ...]]:
    if _has_window(values, family):
        return layers
    return [("full",) if layer == ("sliding",) else layer for layer in layers]


def _by_family(values: Mapping[str, Any], family: str, number: int) -> Sequence[Kind | tuple[Kind, ...]]:
    if family in _EVERY:
        every = size(values, "full_attention_interval", default=_EVERY[family])
        return ["full" if (layer + 1) % every == 0 else "state" for layer in range(number)]
    if family == "kimi_linear":
        states = part(values, "linear_attn_config").get("kda_layers")
        if not isinstance(states, list):
            raise CannotEstimateError("`linear_attn_config` of config.json does not say which layers are linear")
        linear = {layer for layer in states if isinstance(layer, int)}
        return ["state" if layer + 1 in linear else "full" for layer in range(number)]
    if family == "falcon_h1":
        return [("full", "state")] * number
    if family in ("mamba", "mamba2", "falcon_mamba"):
        return ["state"] * number
    if family == "bamba":
        written = values.get("attn_layer_indices")
        full = {layer for layer in written if isinstance(layer, int)} if isinstance(written, list) else set()
        return ["full" if layer in full else "state" for layer in range(number)]
    if family == "jamba":
        period, offset = size(values, "attn_layer_period"), count(values, "attn_layer_offset")
        return ["full" if layer % period == offset else "state" for layer in range(number)]
    if family in ("minimax", "minimax_text_01", "minimax_m1"):
        return _lightning(values, number)
    if family == "llama4_text":
        return ["full" if (layer + 1) % 4 == 0 else "chunked" for layer in range(number)]
    return _windows(values, family, number)


def _lightning(values: Mapping[str, Any], number: int) -> list[Kind]:
    """Return the kinds of MiniMax's layers: `attn_type_list` has 1 for full attention and 0 for lightning."""
    written = values.get("attn_type_list")
    if not isinstance(written, list) or len(written) != number or any(one not in (0, 1) for one in written):
        raise CannotEstimateError("`attn_type_list` of config.json does not say which layers are linear")
    return ["full" if one == 1 else "state" for one in written]


def _windows(values: Mapping[str, Any], family: str, number: int) -> list[Kind]:
    if not _has_window(values, family):
        return ["full"] * number
    if values.get("sliding_window_pattern") is not None:
        pattern = size(values, "sliding_window_pattern")
        return ["full" if (layer + 1) % pattern == 0 else "sliding" for layer in range(number)]
    if family in _ALWAYS_SLIDING:
        return ["sliding"] * number
    raise CannotEstimateError("which layers have the sliding window is not in config.json")


def _has_window(values: Mapping[str, Any], family: str) -> bool:
    """Return whether the window is used: Qwen writes one, with a switch that is off."""
    if values.get("sliding_window") is None:
        return False
    return values.get("use_sliding_window", not family.startswith("qwen")) is not False
