"""Name the models of an engine that its second model runner serves."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Others: TypeAlias = Literal["none", "dense", "all"]


class LeanRunner(NamedTuple):
    """The second model runner of vLLM, whose profile run chooses tokens without top-k and top-p.

    Args:
        families: The families whose models use it.
        others: The other models that use it: `none`, `dense` (without experts and states) or `all`.
        quantized: Whether quantized models use it too.
        counts_graphs: Whether it counts CUDA graphs before the cache.
    """

    families: frozenset[str]
    others: Others
    quantized: bool
    counts_graphs: bool

    def runs(self, family: str, *, is_dense: bool, is_quantized: bool) -> bool:
        """Return whether a model that generates text uses it.

        Args:
            family: The `model_type` of its text model.
            is_dense: Whether it has neither experts nor states.
            is_quantized: Whether its files are quantized.
        """
        is_named = family in self.families or self.others == "all" or (self.others == "dense" and is_dense)
        return is_named and (self.quantized or not is_quantized)
