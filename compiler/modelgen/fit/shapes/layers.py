"""Name the layers of a model by what they keep of a sequence."""

from __future__ import annotations

from typing import Literal, NamedTuple

from modelgen.fit.shapes.numbers import CannotEstimateError

Kind = Literal["full", "sliding", "chunked", "latent", "index", "cross", "state"]


class State(NamedTuple):
    """The state of constant size that a layer keeps of a sequence: a convolution over the last tokens, and a matrix.

    Args:
        channels: The channels of the convolution, without those of its groups.
        groups: The groups of a selective state space model, which are repeated where the GPUs outnumber them.
        shared: The channels of a group.
        taps: The tokens that the convolution keeps.
        matrix: The values of the matrices of all heads.
        width: The bytes of a value of a matrix.
    """

    channels: int
    groups: int
    shared: int
    taps: int
    matrix: int
    width: int

    def bytes(self, parallel: int, drafts: int) -> int:
        """Return the bytes on one GPU. The convolution is in 16 bits, and keeps the tokens of a draft too.

        Raises:
            CannotEstimateError: The GPUs cannot divide it.
        """
        groups = self.groups if self.groups % parallel == 0 else parallel
        channels = self.channels + groups * self.shared
        if channels % parallel or self.matrix % parallel:
            raise CannotEstimateError("its state cannot be divided among the GPUs")
        return channels // parallel * (self.taps + drafts) * 2 + self.matrix // parallel * self.width


class Layers(NamedTuple):
    """Layers of one kind.

    Args:
        kind: `full` attention, `sliding` window, `chunked` local attention, a `latent` cache (MLA), the keys of an
            `index` beside it (sparse attention), `cross` attention to what an encoder saw, or a `state` of constant
            size (linear attention).
        number: How many they are.
        heads: The KV heads of a layer; 1 for a latent cache, an index and a state.
        size: The values of one token for one head, keys and values together; of an index, bytes; 0 of a state.
        span: The window, the chunk, or the tokens of an encoder; 0 for the others.
        state: The state; None for the others.
    """

    kind: Kind
    number: int
    heads: int
    size: int
    span: int = 0
    state: State | None = None
