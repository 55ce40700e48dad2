"""What must be in a models.lock, or pinned otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.wanted import place_of
from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines import ENGINES, llamacpp, tei
from modelgen.engines.assets import outside_of, own_want, wants_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.lockfile.wants import Want

_LOCK = "run `modelgen lock`"
# Roles of what models.toml has a key for; the others are named by flags, or by a config.json.
_DECLARED = ("model", "lora")
# Where a user's image may have these files.
_OTHER_PLACES = frozenset({"TIKTOKEN_RS_CACHE_DIR"})


@rule("MG503", "not-locked", Severity.WARNING)
def not_locked(context: Context) -> Iterator[Found]:
    """A model or an adapter that the models.lock does not have, with this revision and these patterns.

    ## Why
    `modelgen fetch` brings what is locked and nothing else, so on a host without internet it will be missing. An entry
    counts only where repository, revision, `include`, `exclude` and `file` are those of models.toml.

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
        if want.role in _DECLARED:
            locked = {entry.repo for entry in context.lock.snapshots} if context.lock else set()
            how = " with this revision and these files" if want.repo in locked else ""
            yield Found(place_of(context, name, want), f"models.lock has no {want.repo}{how}", _spelling(context, want))


@rule("MG504", "repo-not-locked")
def repo_not_locked(context: Context) -> Iterator[Found]:
    """A repository that a flag or the model's own code needs, and that the models.lock does not have.

    ## Why
    A draft model, a tokenizer, an adapter or code of another repository is fetched only if it is locked. Offline the
    engine stops at the first that is missing, after minutes, with a message about the hub.

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

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```
    """
    for name, want in _missing(context):
        if want.role not in _DECLARED:
            place = place_of(context, name, want)
            yield Found(place, f"`{name}` needs {want.repo}, which models.lock does not have", _spelling(context, want))


@rule("MG505", "no-snapshot")
def no_snapshot(context: Context) -> Iterator[Found]:
    """A model that can be served only from a snapshot's path, while nobody has said which snapshot.

    ## Why
    The path of a snapshot ends with its commit. llama.cpp is always given a path: by repository id it takes what
    refs/main says, whatever commit was meant. `model_form = "snapshot"` asks for one, and takes it from the lock.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    ```

    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    model_form = "snapshot"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    ```
    """
    document = context.document
    for name, model in context.models.items():
        engine = ENGINES.get(context.resolved[name].engine)
        if engine is None or own_want(name, model) is None or document.is_refused("models", name, "revision"):
            continue
        if engine.name == llamacpp.NAME and not context.has_commit(name):
            place = document.at_value(*document.origin(name, "repo"))
            help_text = f'{_LOCK}, or write `revision = "…"` with the 40 hex digits of a commit'
            yield Found(place, f"llama.cpp is given a path, which takes the commit of {model.repo}", help_text)
        elif model.model_form == "snapshot" and engine.length and name not in context.locked:
            place = document.at_value(*document.origin(name, "model_form"))
            yield Found(place, f"models.lock has no snapshot of {model.repo}", _LOCK)


@rule("MG506", "id-offline", Severity.WARNING)
def id_offline(context: Context) -> Iterator[Found]:
    """A tei model whose commit is not known.

    ## Why
    TEI asks the hub about a repository id whatever is on disk, so on a host without internet it does not start. With
    the commit, from a lock or as `revision`, it is given the path of the snapshot.

    ## Bad
    ```toml
    [models.embed]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
    repo = "BAAI/bge-m3"
    ```

    ## Good
    ```toml
    [models.embed]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
    repo = "BAAI/bge-m3"
    revision = "5617a9f61b028005a4858fdac845db406aefb181"
    ```
    """
    document = context.document
    for name, model in context.of_engine(tei.NAME):
        is_refused = document.is_refused("models", name, "revision")
        if own_want(name, model) is not None and not context.has_commit(name) and not is_refused:
            yield Found(
                document.at_value(*document.origin(name, "repo")),
                f"TEI asks the hub for {model.repo}, even when it is on disk",
                f'{_LOCK}, or write `revision = "…"` with the 40 hex digits of a commit',
            )


@rule("MG507", "file-not-locked")
def file_not_locked(context: Context) -> Iterator[Found]:
    """A `file` or `mmproj` that is not among the locked files, or a split model of which a part is not.

    ## Why
    The repository has no such file at that commit, or the lock was edited: llama.cpp would end with "failed to open
    GGUF file".

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B-GGUF"
    commit = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    include = ["Qwen3-4B-Q4_K_M.gguf"]
    left_out = ["Qwen3-4B-Q4_K_S.gguf"]
    files = [{ path = "README.md", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B-GGUF"
    commit = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    include = ["Qwen3-4B-Q4_K_M.gguf"]
    files = [{ path = "Qwen3-4B-Q4_K_M.gguf", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```
    """
    document = context.document
    for name, model in context.of_engine(llamacpp.NAME):
        if (entry := context.locked.get(name)) is None:
            continue
        for key, file in (("file", model.file), ("mmproj", model.mmproj)):
            missing = next((part for part in llamacpp.parts(file or "") if part not in entry.by_path), None)
            if missing:
                files = [path for path in (*entry.by_path, *entry.left_out) if path.endswith(".gguf")]
                yield Found(
                    document.at_value(*document.origin(name, key)),
                    f"models.lock has no `{missing}` of {entry.repo}",
                    did_you_mean(missing, files) if missing == file else _LOCK,
                )


@rule("MG512", "asset-not-locked")
def asset_not_locked(context: Context) -> Iterator[Found]:
    """A model that needs a file from outside the hub, which the models.lock does not have.

    ## Why
    gpt-oss reads its vocabulary from `o200k_base.tiktoken`, which is on no hub. Offline vLLM ends with "HarmonyError",
    or answers with empty tool calls (vllm#22525, harmony#101, dynamo#15155). Whoever has it in the image sets
    `TIKTOKEN_ENCODINGS_BASE` in `env`.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"

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
    image = "vllm/vllm-openai:v0.20.0"

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
    if context.lock is None:
        return
    locked = {asset.sha256 for asset in context.lock.assets}
    for name in context.locked:
        env = context.env_of(name)
        for file in outside_of(context.document, name, context.lock):
            if file.sha256 not in locked and not {file.variable, *_OTHER_PLACES} & {*env}:
                place = context.document.at_value(*context.document.origin(name, "repo"))
                yield Found(place, f"`{name}` needs {file.name}, which models.lock does not have", _LOCK)


def _missing(context: Context) -> Iterator[tuple[str, Want]]:
    """Yield what the lock should have and does not, if there is a lock at all."""
    if context.lock is not None:
        for name in context.models:
            for want in wants_of(context.document, name, context.lock):
                if context.lock.find(want) is None:
                    yield name, want


def _spelling(context: Context, want: Want) -> str:
    """The hub heeds no case, and the folders of its cache do."""
    spelt = {entry.repo.lower(): entry.repo for entry in context.lock.snapshots} if context.lock else {}
    meant = spelt.get(want.repo.lower(), want.repo)
    return _LOCK if meant == want.repo else f"did you mean `{meant}`?"
