"""Check the type that weights are loaded in against the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.gpus.generations import BFLOAT16, oldest_card, refuses_float16
from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

_FLOAT16 = ("half", "float16")


@rule("MG534", "model-without-float16")
def model_without_float16(context: Context) -> Iterator[Found]:
    """A `dtype` of float16 for a model that vLLM refuses it for.

    ## Why
    Gemma 2, Gemma 3, GLM-4 and PLaMo 2 are numerically unstable in float16. vLLM stops from 0.9.1 on: "The model type
    'gemma3' does not support float16". Without `dtype`, it takes what the model and the GPU support.

    ## Bad
    ```toml
    [models.gemma]
    repo = "google/gemma-3-1b-it"
    args = { max-model-len = 16384, dtype = "half" }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-3-1b-it"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"}'
    ```

    ## Good
    ```toml
    [models.gemma]
    repo = "google/gemma-3-1b-it"
    args = { max-model-len = 16384, dtype = "bfloat16" }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-3-1b-it"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"}'
    ```
    """
    for name in context.configs:
        run = context.runs[name]
        for arg in context.args_of(name):
            if arg.name == arg.engine.dtype and arg.value in _FLOAT16 and refuses_float16(context, name):
                oldest = oldest_card(context, run)
                instead = "float32" if oldest is not None and oldest[1] < BFLOAT16 else "bfloat16"
                yield Found(
                    context.document.at_value(*arg.path),
                    f"{arg.version} does not support float16 for {run.model.repo}",
                    f'write `{arg.key} = "{instead}"`, or remove it',
                )
