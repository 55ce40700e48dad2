"""Compute the KV cache and the states of a GGUF file on one GPU, exactly as llama.cpp allots them.

Source: src/llama-kv-cache.cpp, src/llama-kv-cache-iswa.cpp (windows) and src/llama-memory-recurrent.cpp (states). The
sizes of public logs agree to the last digit (tests/fit/test_gguf.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelgen.engines.facts import GgufServing
    from modelgen.fit.gguf.layers import Layer, Model

_CELLS = 256
"""The number of tokens is rounded up to a multiple of it."""


class GgufCache(NamedTuple):
    """The KV cache on one GPU.

    Args:
        model: The model.
        serving: How it is served.
        first: The first of its layers that is on the GPU.
        gpus: The GPUs among which the layers are divided.
    """

    model: Model
    serving: GgufServing
    first: int
    gpus: int

    @property
    def of_request(self) -> int:
        """The bytes for the whole context, which are there from the start."""
        return self.of_tokens(self.serving.tokens)

    def of_tokens(self, tokens: int) -> int:
        """Return the bytes for a context of so many tokens, on the GPU that has the most layers."""
        if not self.serving.on_gpu:
            return 0
        sizes = [self._of_layer(layer, tokens) for layer in self.model.layers[self.first :]]
        return sum(sizes) if self.gpus == 1 else sum(sizes) // self.gpus + max(sizes, default=0)

    def _of_layer(self, layer: Layer, tokens: int) -> int:
        serving = self.serving
        streams = 1 if serving.shares else serving.sequences
        cells = _padded(-(-tokens // streams))
        if layer.window and not serving.full_windows:
            at_once = serving.sequences if serving.shares else 1
            cells = min(cells, _padded(layer.window * at_once + serving.batch))
        has_values = serving.doubles_latent or not self.model.is_latent
        row = layer.keys * serving.keys // 32 + (layer.values * serving.values // 32 if has_values else 0)
        return row * cells * streams + layer.state * serving.sequences

    def tokens(self, _: int) -> int:
        """Return the tokens of the context: their number is fixed."""
        return self.serving.tokens

    def printed(self, memory: int) -> int:
        """Return the tokens that the log has, which are those of the context."""
        return self.tokens(memory)

    def concurrency(self, _: int) -> float:
        """Return the requests that run at the same time: their number is fixed."""
        return float(self.serving.sequences)


def _padded(tokens: int) -> int:
    return -(-tokens // _CELLS) * _CELLS
