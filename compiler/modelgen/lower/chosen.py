"""State what follows from the estimate of a model: the expected KV cache, and what modelgen chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import ir
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.fit import Fitted


def expected_of(fitted: Fitted, name: str) -> ir.Expected | None:
    """Return the estimated KV cache of a model; None without an estimate."""
    one = fitted.estimates.get(name)
    if one is None:
        return None
    least, tokens, most = one.tokens()
    requests = round(max(0.0, one.requests), 2)
    return ir.Expected(one.verdict, least, tokens, most, requests)


def chosen_of(fitted: Fitted, name: str) -> Iterator[str]:
    """Yield a sentence for each value that was chosen."""
    share = fitted.shares.chosen.get(name) if fitted.shares else None
    if share is not None:
        needed = f"it needs {of_memory(share.need)} for one request of {share.length:,} tokens"
        others = " and ".join(share.beside)
        rest = f"the rest is shared with {others}, for as many more requests each" if others else "the rest is its own"
        yield f'`gpu_memory = "auto"`: {needed}; {rest}.'
    length, engine = fitted.lengths.get(name), fitted.resolved.runs[name].engine
    if length is not None and engine is not None:
        fits = "all" if length.chosen == length.own else f"{length.chosen:,}"
        yield f"`{engine.length}` is not written: {fits} of the model's {length.own:,} tokens fit."
