"""Check that models.lock has an entry for everything that models need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.lockfile.wants import Want

_LOCK = "run `modelgen lock`"
# Variables with which an image can provide these files itself.
_OTHER_PLACES = frozenset({"TIKTOKEN_RS_CACHE_DIR"})


@rule("MG503", "not-locked", Severity.WARNING)
@as_one("are not in models.lock as they are written")
def not_locked(context: Context) -> Iterator[tuple[str, Found]]:
    """A model or adapter without an entry in models.lock for its revision and patterns.

    ## Why
    `modelgen fetch` downloads only what is locked, so on a host without internet the rest is missing. An entry counts
    only if its repository, revision, `include`, `exclude` and `file` are those of models.toml.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "qwen/qwen3-4b"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```
    """
    for name, want in _missing(context):
        if _is_declared(context, name, want):
            locked = {entry.repo for entry in context.lock.snapshots} if context.lock else set()
            how = " with this revision and these files" if want.repo in locked else ""
            message = f"models.lock has no {want.repo}{how}"
            yield name, Found(context.place_of(name, want), message, _spelling(context, want))


@rule("MG504", "repo-not-locked")
@as_one("need repositories that models.lock does not have")
def repo_not_locked(context: Context) -> Iterator[tuple[str, Found]]:
    """A repository that a flag or the model's own code needs, without an entry in models.lock.

    ## Why
    A draft model, a tokenizer, an adapter or another repository's code is fetched only if it is locked. Offline, the
    engine loads for minutes and then stops at the first missing one, with a message about the hub.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, tokenizer = "Qwen/Qwen3-8B" }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for name, want in _missing(context):
        if not _is_declared(context, name, want):
            place = context.place_of(name, want)
            message = f"`{name}` needs {want.repo}, but models.lock does not have it"
            yield name, Found(place, message, _spelling(context, want))


@rule("MG512", "asset-not-locked")
@as_one("need files that models.lock does not have")
def asset_not_locked(context: Context) -> Iterator[tuple[str, Found]]:
    """A file from outside the hub that a model needs, without an entry in models.lock.

    ## Why
    gpt-oss reads its vocabulary from `o200k_base.tiktoken`, which is on no hub. Offline, vLLM ends with "HarmonyError"
    or answers with empty tool calls (vllm#22525, harmony#101, dynamo#15155). If the image contains the file, set
    `TIKTOKEN_ENCODINGS_BASE` in `env`.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.gpt-oss]
    repo = "openai/gpt-oss-20b"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/gpt-oss-20b"
    commit = "6cee5e81ee83917806bbde320786a8fb61efebee"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"model_type": "gpt_oss"}'
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.gpt-oss]
    repo = "openai/gpt-oss-20b"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/gpt-oss-20b"
    commit = "6cee5e81ee83917806bbde320786a8fb61efebee"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"model_type": "gpt_oss"}'

    [[assets]]
    name = "o200k_base.tiktoken"
    url = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    sha256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
    size = 3613922
    ```
    """
    for name in context.locked:
        env = context.runs[name].env
        for file, is_locked in context.pins[name].outside.items():
            if not is_locked and not {file.variable, *_OTHER_PLACES} & {*env}:
                place = context.at_origin(name, "repo")
                yield name, Found(place, f"`{name}` needs {file.name}, but models.lock does not have it", _LOCK)


def _missing(context: Context) -> Iterator[tuple[str, Want]]:
    """Yield the needs that have no entry, if there is a lock."""
    if context.lock is not None:
        for name, pins in context.pins.items():
            for want, entry in pins.needs:
                if entry is None:
                    yield name, want


def _is_declared(context: Context, name: str, want: Want) -> bool:
    """Return whether a key of models.toml names the repository; others are named by flags or a config.json."""
    return want.role == "model" or (want.role == "lora" and want.repo in (context.models[name].loras or {}).values())


def _spelling(context: Context, want: Want) -> str:
    """Return advice on the spelling: the hub ignores case, but the folders of its cache do not."""
    spelt = {entry.repo.lower(): entry.repo for entry in context.lock.snapshots} if context.lock else {}
    meant = spelt.get(want.repo.lower(), want.repo)
    return _LOCK if meant == want.repo else f"did you mean `{meant}`?"
