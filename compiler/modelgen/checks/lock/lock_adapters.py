"""Check LoRA adapters against their adapter_config.json in models.lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule
from modelgen.engines.flags import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG513", "rank-over-limit")
def rank_over_limit(context: Context) -> Iterator[Found]:
    """A LoRA adapter with a higher rank than `max-lora-rank` or vLLM allows.

    ## Why
    vLLM loads the model for minutes and then refuses the adapter: "LoRA rank 64 is greater than max_lora_rank 16". If
    the flag is not written and models.lock has the ranks, modelgen writes the lowest sufficient value.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    loras = { sql = "namespace/sql-lora" }
    args = { max-model-len = 16384, max-lora-rank = 16 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots]]
    repo = "namespace/sql-lora"
    commit = "2b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a"
    files = [{ path = "adapter_config.json", size = 26, blob = "0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a5b1e" }]
    config = '{"peft_type": "LORA", "r": 64}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    loras = { sql = "namespace/sql-lora" }
    args = { max-model-len = 16384, max-lora-rank = 64 }
    ```
    """
    document = context.document
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None or engine.rank_limit is None:
            continue
        found, least = context.pins[name].ranks, context.pins[name].lora_limit
        if not found:
            continue
        highest = max(found, key=lambda lora: found[lora])
        rank, written = found[highest], next((arg for arg in run.arguments if arg.name == engine.lora_rank), None)
        if least is None:
            place = context.at_origin(name, "loras", highest)
            yield Found(
                place,
                f"`{highest}` has rank {rank}, more than {engine.title} allows",
                "use an adapter of a lower rank",
            )
        elif written and (limit := whole_number(written.value)) is not None and limit < rank:
            place = document.at_value(*written.path)
            text = f"`{written.key}` is {limit}, but the adapter `{highest}` has rank {rank}"
            yield Found(
                place, text, f"write `{written.key} = {least}`, or remove it: modelgen takes the value from models.lock"
            )
