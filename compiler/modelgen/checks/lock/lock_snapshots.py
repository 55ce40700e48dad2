"""Check that engines that need the path of a snapshot have a locked one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.weights.loaders import parts
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Model
    from modelgen.engines.engine import Engine
    from modelgen.resolve import ModelPins

_LOCK = "run `modelgen lock`"
_OR_REVISION = 'or write `revision = "…"` with the 40 hex digits of a commit'


@rule("MG505", "no-snapshot")
@as_one("need a snapshot whose commit is not known")
def no_snapshot(context: Context) -> Iterator[tuple[str, Found]]:
    """A model that is loaded from the path of a snapshot, without a known commit.

    ## Why
    The path of a snapshot ends with its commit. llama.cpp always gets a path, because with a repository id it would use
    the commit in refs/main. With `model_arg = "path"`, other engines get a path too, with the commit from models.lock.
    The files that `quant`, `mmproj = true` and `draft` mean are known from models.lock too. As long as there is no
    models.lock, `modelgen validate` reports this as information: `modelgen up` locks first.

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
    model_arg = "path"
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
        engine = context.runs[name].engine
        if engine is None or context.pins[name].want is None or document.is_refused("models", name, "revision"):
            continue
        if "file" in engine.keys and model.file is None and model.quant is None:
            continue  # missing-file reports it, and the lock cannot choose before
        if engine.needs_snapshot and context.pins[name].own is None:
            place = context.at_origin(name, "repo")
            is_chosen_by_lock = _unlocked_choice(engine, model, context.pins[name]) is not None
            help_text = _LOCK if is_chosen_by_lock else f"{_LOCK}, {_OR_REVISION}"
            message = f"{engine.title} loads a snapshot by its path, but the commit of {model.repo} is not known"
            yield name, Found(place, message, help_text)
        elif model.model_arg == "path" and "model_arg" in engine.keys and name not in context.locked:
            place = context.at_origin(name, "model_arg")
            yield name, Found(place, f"`model_arg` needs a snapshot, but models.lock has none of {model.repo}", _LOCK)
        elif (key := _unlocked_choice(engine, model, context.pins[name])) is not None:
            yield name, Found(context.at_origin(name, key), f"models.lock does not have the file for `{key}`", _LOCK)


def _unlocked_choice(engine: Engine, model: Model, pins: ModelPins) -> str | None:
    """Return the key whose file only the lock knows, if the lock does not have it."""
    draft = model.draft
    has_draft = (
        draft is None or not is_repo_id(draft.repo) or (("draft", draft.repo) in pins.others and pins.gguf.draft)
    )
    choices = (
        ("quant", model.quant is None or pins.gguf.model),
        ("mmproj", model.mmproj is not True or pins.gguf.mmproj),
        ("draft", has_draft),
    )
    return next((key for key, is_known in choices if key in engine.keys and not is_known), None)


@rule("MG506", "id-offline", Severity.WARNING)
@as_one("request their repositories from the hub, even if they are on disk")
def id_offline(context: Context) -> Iterator[tuple[str, Found]]:
    """A tei model without a known commit.

    ## Why
    If TEI gets a repository id, it requests the repository from the hub even if it is on disk, so it does not start
    without internet. If the commit is known from models.lock or `revision`, modelgen passes the path of the snapshot.
    As long as there is no models.lock, `modelgen validate` reports this as information: `modelgen up` locks first.

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
    for name, model in context.models.items():
        engine = context.runs[name].engine
        if engine is None or not engine.from_snapshot or engine.needs_snapshot:
            continue
        is_refused = document.is_refused("models", name, "revision")
        if context.pins[name].want is not None and context.pins[name].own is None and not is_refused:
            yield (
                name,
                Found(
                    context.at_origin(name, "repo"),
                    f"{engine.title} requests {model.repo} from the hub, even if it is on disk",
                    f"{_LOCK}, {_OR_REVISION}",
                ),
            )


@rule("MG507", "file-not-locked")
def file_not_locked(context: Context) -> Iterator[Found]:
    """A `file` or `mmproj`, or a part of a split one, that is not among the locked files.

    ## Why
    The repository has no such file at the locked commit, or the lock was edited. llama.cpp would end with "failed to
    open GGUF file".

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
    gguf = [{ path = "Qwen3-4B-Q4_K_M.gguf" }]
    files = [{ path = "Qwen3-4B-Q4_K_M.gguf", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```
    """
    for name, _ in context.taking("file"):
        if (entry := context.locked.get(name)) is None:
            continue
        gguf = context.pins[name].gguf
        for key, file in (("file", gguf.model), ("mmproj", gguf.mmproj)):
            missing = next((part for part in parts(file or "") if part not in entry.by_path), None)
            if missing:
                files = [path for path in (*entry.by_path, *entry.left_out) if path.endswith(".gguf")]
                yield Found(
                    context.at_origin(name, key),
                    f"models.lock has no `{missing}` of {entry.repo}",
                    did_you_mean(missing, files) if missing == file else _LOCK,
                )
