"""Read the size of the input that the tower of a multimodal model is profiled with.

vLLM encodes as many images of the largest size as its encoder budget takes, before it profiles the text model: the
budget is the tokens of a batch, or of one image if that is more (vllm/v1/core/encoder_cache_manager.py). Sizes of
images: vllm/model_executor/models, `get_image_size_with_most_features` of each family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.shapes.numbers import count, part

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tower(NamedTuple):
    """A vision or audio tower.

    Args:
        tokens: The tokens of its largest input in the text model; 0 if they are not known.
        patches: The patches for a token.
        hidden: The width of a patch.
        intermediate: The width of its widest layer.
        output: The values of an encoded token.
        at_once: The tokens of the largest input of a model that must read it in one batch; 0 of the others.
    """

    tokens: int
    patches: int
    hidden: int
    intermediate: int
    output: int
    at_once: int


_INPUTS = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"), (16_384, 4)),
    **dict.fromkeys(("qwen3_5", "qwen3_5_moe"), (16_384, 4)),
    "gemma3": (256, 16),
    "gemma4": (280, 9),
    "llama4": (17 * 144, 4),
    "llava": (576, 1),
    "dots_ocr": (14_400, 4),
    "mistral3": (3_025, 4),
    "pixtral": (4_096, 1),
    "internvl_chat": (3_328, 4),
}
"""The tokens of the largest image, and its patches for a token, by family."""
_AT_ONCE = {"gemma4": 32 * 78}
"""Gemma 4 reads the tokens of an input in both directions: at most 32 frames of 70 tokens, with 8 around each."""
_DEPTHS = 4
"""Qwen3-VL keeps the outputs of three more layers with every token (deepstack)."""


def tower_of(config: Mapping[str, Any], text: Mapping[str, Any]) -> Tower | None:
    """Return the tower of a model; None for a text model. One that is not understood has no tokens."""
    vision = part(config, "vision_config")
    if not vision and not part(config, "audio_config") and text is config:
        return None
    written = config.get("model_type")
    family = written if isinstance(written, str) else ""
    tokens, patches = _INPUTS.get(family, (0, 0))
    # Qwen2-VL has the width of its patches as `embed_dim`, and `hidden_size` is that of the text model.
    hidden = count(vision, "embed_dim") or count(vision, "hidden_size")
    intermediate = count(vision, "intermediate_size") or hidden * count(vision, "mlp_ratio")
    if not tokens or not hidden or not intermediate:
        return Tower(0, 0, 0, 0, 0, _AT_ONCE.get(family, 0))
    deep = vision.get("deepstack_visual_indexes")
    output = count(text, "hidden_size") * (_DEPTHS if isinstance(deep, list) and deep else 1)
    return Tower(tokens, patches, hidden, intermediate, output, _AT_ONCE.get(family, 0))
