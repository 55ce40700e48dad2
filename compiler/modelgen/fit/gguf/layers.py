"""Read the layers of a GGUF file from the facts in models.lock: which of them cache what, as llama.cpp does.

Sources: src/llama-hparams.cpp, src/llama-model.cpp (which layers have a window or a state, by architecture) and
src/llama-kv-cache.cpp. Another architecture with windows, states or an index is not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from modelgen.lockfile.entries import GgufFacts

_LARGEST = 2**31
_PATTERNS = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4, "llama4": 4}
"""Every so many layers, one has no window; unless the file has a list of them."""
_WITHOUT_WINDOW = ("phi3",)
_IMPLIED = {"llama4": 8192}
"""Windows that are not in the header."""
_BY_INTERVAL = ("qwen3next", "qwen35", "qwen35moe")
_BY_HEADS = ("jamba", "granitehybrid", "nemotron_h", "nemotron_h_moe", "lfm2", "lfm2moe")
"""Architectures in which a layer without KV heads has a state."""
_STATES = ("ssm.", "wkv", "shortconv.")
_NOT_COMPARED = ("indexer", "compress", "shared_kv_layers")
_WITHOUT_CACHE = ("bert", "embedding", "t5", "clip", "dream", "llada", "diffusion", "wavtokenizer")


class Layer(NamedTuple):
    """The cache of one layer.

    Args:
        keys: The values of the keys of one token.
        values: The values of the values of one token.
        state: Bytes of the state of one sequence.
        window: The sliding window in tokens; 0 without one.
    """

    keys: int
    values: int
    state: int = 0
    window: int = 0


class Model(NamedTuple):
    """The sizes of a model.

    Args:
        layers: Its layers.
        hidden: The width of a token.
        wide: The width of the widest layer that a token passes.
        heads: The attention heads.
        vocabulary: The tokens that it chooses from.
        is_latent: Whether the cache holds one compressed vector a token (MLA).
    """

    layers: tuple[Layer, ...]
    hidden: int
    wide: int
    heads: int
    vocabulary: int
    is_latent: bool


def read_model(facts: GgufFacts) -> Model:
    """Return the sizes of a model.

    Raises:
        CannotEstimateError: A value is missing or no size, or the architecture caches something that is not known.
    """
    name = facts.architecture
    if not name:
        raise CannotEstimateError("the header of its GGUF file cannot be read")
    unknown = next((key for key in facts.values if any(part in key for part in _NOT_COMPARED)), None)
    if any(part in name for part in _WITHOUT_CACHE) or unknown:
        raise CannotEstimateError(f"what `{name}` caches is not known")
    hidden, count = _size(facts, "embedding_length"), _size(facts, "block_count")
    if count > 2000:
        raise CannotEstimateError("`block_count` of its header is not a number of layers")
    count -= min(_optional(facts, "nextn_predict_layers"), count - 1)  # layers that only draft have no cache
    heads = [_at(facts, "attention.head_count", number) for number in range(count)]
    is_latent = "attention.key_length_mla" in facts.values
    states = _with_state(facts, count)
    layers = tuple(_layer(facts, number, heads[number], has_state=number in states) for number in range(count))
    widths = (_at(facts, "feed_forward_length", number) for number in range(count))
    experts = _optional(facts, "expert_feed_forward_length") * max(1, _optional(facts, "expert_used_count"))
    if not facts.vocabulary:
        raise CannotEstimateError("its header has no tokens")
    return Model(layers, hidden, max(*widths, experts, hidden), max(heads), facts.vocabulary, is_latent)


def _layer(facts: GgufFacts, number: int, heads: int, *, has_state: bool) -> Layer:
    kv_heads = _at(facts, "attention.head_count_kv", number, default=heads)
    if has_state:
        return Layer(0, 0, state=_state_bytes(facts))
    window = _window(facts, number)
    head = _size(facts, "embedding_length") // heads if heads else 0
    own = "_swa" if window and "attention.key_length_swa" in facts.values else ""
    keys, values = (_optional(facts, f"attention.{part}_length{own}", head) for part in ("key", "value"))
    return Layer(kv_heads * keys, kv_heads * values, window=window)


def _window(facts: GgufFacts, number: int) -> int:
    """Return the sliding window of a layer; 0 without one."""
    key = "attention.sliding_window"
    window = _optional(facts, key, 0 if key in facts.values else _IMPLIED.get(facts.architecture, 0))
    pattern = facts.values.get(f"{key}_pattern")
    if not window or facts.architecture in _WITHOUT_WINDOW:
        return 0
    if isinstance(pattern, list):
        return window if number < len(pattern) and pattern[number] else 0
    every = _PATTERNS.get(facts.architecture)
    if every is None:
        raise CannotEstimateError(f"which layers of `{facts.architecture}` have a sliding window is not known")
    return 0 if (number + 1) % every == 0 else window


def _with_state(facts: GgufFacts, count: int) -> set[int]:
    """Return the layers that have a state in the place of a cache."""
    if not any(key.startswith(_STATES) for key in facts.values):
        return set()
    if facts.architecture in _BY_INTERVAL:
        every = _optional(facts, "full_attention_interval", 4)
        return {number for number in range(count) if (number + 1) % every}
    if facts.architecture in _BY_HEADS:
        has_experts = isinstance(facts.values.get("feed_forward_length"), list)
        heads = [_at(facts, "attention.head_count_kv", number) for number in range(count)]
        # Layers of Nemotron-H are one of three: attention, state, or feed-forward, which caches nothing.
        plain = {number for number in range(count) if has_experts and _at(facts, "feed_forward_length", number)}
        drops_plain = facts.architecture.startswith("nemotron")
        return {number for number, one in enumerate(heads) if not one} - (plain if drops_plain else set())
    raise CannotEstimateError(f"the states of `{facts.architecture}` are not known")


def _state_bytes(facts: GgufFacts) -> int:
    """Return the bytes of a state: a convolution over the last tokens, and a matrix; in 32 bits."""
    if "shortconv.l_cache" in facts.values:
        return 4 * _size(facts, "embedding_length") * (_size(facts, "shortconv.l_cache") - 1)
    inner, state = _size(facts, "ssm.inner_size"), _size(facts, "ssm.state_size")
    groups = _optional(facts, "ssm.group_count")
    return 4 * ((_size(facts, "ssm.conv_kernel") - 1) * (inner + 2 * groups * state) + inner * state)


def _size(facts: GgufFacts, key: str) -> int:
    value = facts.values.get(key)
    if not _is_size(value) or not value:
        raise CannotEstimateError(f"`{key}` of its header is {'missing' if value is None else 'not a size'}")
    return int(value)  # type: ignore[arg-type]  # a number, as was checked


def _optional(facts: GgufFacts, key: str, default: int = 0) -> int:
    return _size(facts, key) if facts.values.get(key) else default


def _at(facts: GgufFacts, key: str, number: int, default: int = 0) -> int:
    """Return a value of one layer, of a list that has one for each, or one for all."""
    value = facts.values.get(key, default)
    if isinstance(value, list):
        value = value[number] if number < len(value) else -1
    if not _is_size(value):
        raise CannotEstimateError(f"`{key}` of its header has no size for layer {number}")
    return int(value)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST
