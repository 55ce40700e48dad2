"""Check whether streams can be asked for their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule
from modelgen.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG447", "count-tokens-unproved")
def count_tokens_unproved(context: Context) -> Iterator[Found]:
    """A `count_tokens` without a model whose streams can be asked for their tokens.

    ## Why
    A stream reports its tokens only when the request asks for it. With `count_tokens`, the orchestrator asks, and
    removes the event that the engine adds, so that the client gets the same answer as without it. That holds only for
    releases in which no other event changes: later ones of vLLM move `system_fingerprint` into the added event.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.33.0"

    [orchestrator]
    count_tokens = true
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.2"

    [orchestrator]
    count_tokens = true
    ```
    """
    table = context.document.config.orchestrator
    if table is None or not table.count_tokens or not context.runs:
        return
    if any(run.engine is None or run.reports_apart for run in context.runs.values()):
        return
    releases = ", ".join(engine.apart for engine in ENGINES.values() if engine.apart)
    place = context.document.at_value("orchestrator", "count_tokens")
    yield Found(
        place,
        "no model has an engine whose streams are known to stay the same when they are asked for their tokens",
        f"remove `count_tokens`, and let clients send `stream_options`; it works with {releases}",
    )
