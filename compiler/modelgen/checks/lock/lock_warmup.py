"""Check that models with a warmup request have a route for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import transcribes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG514", "warmup-without-route", Severity.ERROR)
def warmup_without_route(context: Context) -> Iterator[Found]:
    """A `warmup` for a model that accepts only audio.

    ## Why
    The warmup request uses a route that the model has: it generates text, an embedding or a score. A model that
    transcribes would need a recording, so it would never become ready.

    ## Bad
    ```toml
    [models.whisper]
    image = "vllm/vllm-openai:v0.30.0"
    repo = "openai/whisper-large-v3"
    warmup = true
    args = { max-model-len = 448 }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/whisper-large-v3"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["WhisperForConditionalGeneration"]}'
    ```

    ## Good
    ```toml
    [models.whisper]
    image = "vllm/vllm-openai:v0.30.0"
    repo = "openai/whisper-large-v3"
    args = { max-model-len = 448 }
    ```
    """
    for name, config in context.configs.items():
        if context.models[name].warmup and transcribes(config):
            yield Found(
                context.at_origin(name, "warmup"),
                f"`{name}` transcribes audio, so a warmup request would need a recording",
                "write `warmup = false` in the table of the model",
            )
