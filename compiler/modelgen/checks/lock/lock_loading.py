"""Check that models.lock has the files that the engines of models.toml read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule
from modelgen.lockfile.loading import why_code_unknown, why_unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.lockfile.entries import Snapshot
    from modelgen.lockfile.wants import Want

_LOCK = "run `modelgen lock`"


@rule("MG515", "other-weights")
@as_one("were locked without weights that their engines read")
def other_weights(context: Context) -> Iterator[tuple[str, Found]]:
    """A lock entry without the weights that the engine reads, because it was made for another engine or format.

    ## Why
    A repository can contain its weights in several formats, and `modelgen lock` includes those that the engines of
    models.toml read. `load-format = "mistral"` reads `consolidated*.safetensors`, and vLLM 0.12 and newer prefer these
    if they exist. With other files, the engine ends with "Cannot find any model weights", or loads the other format.

    ## Bad
    ```toml
    [models.mistral]
    repo = "mistralai/Mistral-7B-Instruct-v0.3"
    args = { max-model-len = 16384, load-format = "mistral" }
    ```

    ```lock
    [[snapshots]]
    repo = "mistralai/Mistral-7B-Instruct-v0.3"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    left_out = ["consolidated*.safetensors"]
    files = [{ path = "model.safetensors", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```

    ## Good
    ```toml
    [models.mistral]
    repo = "mistralai/Mistral-7B-Instruct-v0.3"
    args = { max-model-len = 16384, load-format = "mistral" }
    ```

    ```lock
    [[snapshots]]
    repo = "mistralai/Mistral-7B-Instruct-v0.3"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    left_out = ["model.safetensors"]
    files = [{ path = "consolidated.safetensors", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```
    """
    for name, want, entry in _locked(context):
        if fault := why_unfit(want, entry):
            yield name, Found(context.place_of(name, want), f"{want.repo} {fault}", _LOCK)


@rule("MG516", "code-unknown", Severity.WARNING)
@as_one("were locked without the names of the repositories that their code is in")
def code_unknown(context: Context) -> Iterator[tuple[str, Found]]:
    """A lock entry that does not list the repositories from which a model's configs load code.

    ## Why
    `auto_map` in tokenizer_config.json, in a processor's config or in a large config.json can name a class of another
    repository. `modelgen lock` records these repositories so that they are fetched. The entry lacks them if the code
    was not trusted when it was written, or if an older modelgen wrote it.

    ## Bad
    ```toml
    [models.own]
    repo = "namespace/own-architecture"
    trust_remote_code = true
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "namespace/own-architecture"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "tokenizer_config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```

    ## Good
    ```toml
    [models.own]
    repo = "namespace/own-architecture"
    trust_remote_code = true
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "namespace/own-architecture"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    code = []
    files = [{ path = "tokenizer_config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```
    """
    for name, want, entry in _locked(context):
        if fault := why_code_unknown(want, entry):
            yield name, Found(context.place_of(name, want), f"{want.repo} {fault}", _LOCK)


def _locked(context: Context) -> Iterator[tuple[str, Want, Snapshot]]:
    """Yield model, need and entry of everything that is locked."""
    for name, pins in context.pins.items():
        for want, entry in pins.needs:
            if entry is not None:
                yield name, want, entry
