"""Check LoRA adapters against their adapter_config.json in models.lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.flags import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.source import Span


@rule("MG513", "rank-over-limit")
def rank_over_limit(context: Context) -> Iterator[Found]:
    """A LoRA adapter with a higher rank than `max-lora-rank` or vLLM allows.

    ## Why
    vLLM loads the model for minutes and then refuses the adapter: "LoRA rank 64 is greater than max_lora_rank 16". If
    the flag is not written and models.lock has the ranks, modelgen writes the lowest sufficient value. SGLang reserves
    memory for the rank of the flag, in which a larger adapter has no place, and takes the highest rank without it.

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
            yield Found(
                adapter_place(context, name, highest),
                f"`{highest}` has rank {rank}, more than {engine.title} allows",
                "use an adapter of a lower rank",
            )
        elif written and (limit := whole_number(written.value)) is not None and limit < rank:
            place = document.at_value(*written.path)
            text = f"`{written.key}` is {limit}, but the adapter `{highest}` has rank {rank}"
            yield Found(
                place, text, f"write `{written.key} = {least}`, or remove it: the highest rank of the adapters counts"
            )


@rule("MG529", "unsupported-adapter")
def unsupported_adapter(context: Context) -> Iterator[Found]:
    """A LoRA adapter with a feature that the release of vLLM or SGLang does not support.

    ## Why
    The engine loads the model for minutes and then stops. vLLM: "vLLM only supports modules_to_save being None", "vLLM
    does not yet support DoRA", "Adapter bias is not supported", "Missing required configuration fields"; SGLang: "LoRA
    serving currently doesn't support DoRA adapters". Such an adapter changes more than LoRA can express, or is none.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    loras = { ner = "namespace/ner-dora" }
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots]]
    repo = "namespace/ner-dora"
    commit = "2b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a"
    files = [{ path = "adapter_config.json", size = 26, blob = "0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a5b1e" }]
    config = '{"peft_type": "LORA", "r": 8, "use_dora": true}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    loras = { ner = "namespace/ner" }
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots]]
    repo = "namespace/ner"
    commit = "2b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a"
    files = [{ path = "adapter_config.json", size = 26, blob = "0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a5b1e" }]
    config = '{"peft_type": "LORA", "r": 8, "modules_to_save": null}'
    ```
    """
    for name, run in context.runs.items():
        engine, version = run.engine, run.version
        if engine is None or engine.refused_features is None or version is None or run.is_fork:
            continue
        for lora, config in context.pins[name].adapters.items():
            if features := [*engine.refused_features(version, run.args, config)]:
                yield Found(
                    adapter_place(context, name, lora),
                    f"the adapter `{lora}` has {' and '.join(features)}, which {engine.title} {version.text} does not "
                    "support",
                    "use a LoRA adapter that was trained without it, or merge this one into its base model, if PEFT "
                    "can, and serve the result as a model",
                )


@rule("MG538", "adapter-part-ignored", Severity.WARNING)
def adapter_part_ignored(context: Context) -> Iterator[Found]:
    """A LoRA adapter with a setting that SGLang loads and does not apply.

    ## Why
    SGLang starts, and the answers are not those of the training: it scales every weight by `lora_alpha / r`, also
    where `use_rslora` or `alpha_pattern` says otherwise, and leaves whole modules out (`modules_to_save`).

    ## Bad
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.qwen]
    engine = "sglang"
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { context-length = 16384, lora-paths = ["sql=namespace/sql-lora"] }
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
    config = '{"peft_type": "LORA", "r": 64, "lora_alpha": 64, "use_rslora": true}'
    ```

    ## Good
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.qwen]
    engine = "sglang"
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { context-length = 16384, lora-paths = ["sql=namespace/sql-lora"] }
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
    config = '{"peft_type": "LORA", "r": 64, "lora_alpha": 512}'
    ```
    """
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None or engine.ignored_features is None or run.is_fork:
            continue
        for lora, config in context.pins[name].adapters.items():
            if features := [*engine.ignored_features(config)]:
                yield Found(
                    adapter_place(context, name, lora),
                    f"the adapter `{lora}` has {' and '.join(features)}, which {engine.title} does not apply",
                    "merge the adapter into its base model with PEFT, and serve the result as a model",
                )


def adapter_place(context: Context, model: str, lora: str) -> Span:
    """Return where an adapter is written: in `loras`, or in the flag that names adapters."""
    if lora in (context.models[model].loras or {}):
        return context.at_origin(model, "loras", lora)
    run = context.runs[model]
    flag = run.engine.lora_paths if run.engine else ""
    path = next(argument.path for argument in run.arguments if argument.name == flag)
    return context.document.at_value(*path)
