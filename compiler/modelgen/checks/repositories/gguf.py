"""Check GGUF files: the keys that llama.cpp needs, and engines that cannot load them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.flags.flag_values import is_of_another_version
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.weights.loaders import GGUF, SHARD, gguf_flag
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.lockfile.entries import Snapshot
    from modelgen.resolve import ModelRun

_ONE = "remove `quant`, or remove `file`"
_AS_GGUF = 'write `engine = "llamacpp"` and `file = "….gguf"`, with flags of llama.cpp in `args`'
_OTHER_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")
_DRAFTS = ("model-draft", "spec-draft-model")
_PATH = re.compile(r"(?!.*(?:^|/)\.{0,2}(?:/|$))[^\x00-\x1f\x7f\\:<>\"|?*]{1,1000}\.gguf")


@rule("MG109", "missing-file")
def missing_file(context: Context) -> Iterator[Found]:
    """A llamacpp model, or its draft model, without a `file` or `quant`.

    ## Why
    A repository of GGUF files has a dozen quantizations of one model, of 2 to 30 GB each. llama.cpp loads one of them.
    `quant` lets `modelgen lock` pick the file, and `file` names it.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    args = { ctx-size = 16384 }
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
    for name, model in context.taking("file"):
        if document.lacks(name, "file") and document.lacks(name, "quant"):
            yield Found(
                document.at_header("models", name),
                f"`[models.{name}]` has no `file`",
                'write the path of the file in the repository: `file = "….gguf"`, or `quant = "Q4_K_M"`, with which '
                "`modelgen lock` picks it; `modelgen add` puts a file of your own into the hub directory",
            )
        if model.draft is not None and model.draft.file is None and model.draft.quant is None:
            yield Found(
                document.at_value("models", name, "draft"),
                "`draft` has no `file`",
                'write the path of its file in it: `file = "….gguf"`, or `quant = "Q8_0"`',
            )


@rule("MG111", "file-and-quant")
def file_and_quant(context: Context) -> Iterator[Found]:
    """A model, or its draft model, with `file` and `quant`, or a draft model in `args` as well.

    ## Why
    Both name the GGUF file to load, and llama.cpp loads one. `quant` lets `modelgen lock` pick it.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    quant = "Q4_K_M"
    args = { ctx-size = 16384 }
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
    for name, model in context.taking("quant"):
        if model.file is not None and model.quant is not None:
            yield Found(document.at_key("models", name, "quant"), f"`{name}` has `file` and `quant`", _ONE)
        if model.draft is None:
            continue
        if model.draft.file is not None and model.draft.quant is not None:
            place = document.at_key("models", name, "draft", "quant")
            yield Found(place, f"the draft model of `{name}` has `file` and `quant`", _ONE)
        for arg in context.runs[name].plain_arguments:
            if arg.name in _DRAFTS:
                place = document.at_key(*arg.path)
                yield Found(place, f"`{name}` has `draft` and `{arg.key}`", f"remove `{arg.key}`")


@rule("MG110", "bad-file")
def bad_file(context: Context) -> Iterator[Found]:
    """A `file` or `mmproj` that is not a GGUF file in the repository, a later part of a split one, or a projector.

    ## Why
    The value is a path in the repository, as shown on the hub. For a split model, llama.cpp finds the other parts from
    the first one.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-235B-A22B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Q4_K_M/Qwen3-235B-A22B-Q4_K_M-00003-of-00003.gguf"
    args = { ctx-size = 16384 }
    ```

    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "/models/Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-235B-A22B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Q4_K_M/Qwen3-235B-A22B-Q4_K_M-00001-of-00003.gguf"
    args = { ctx-size = 16384 }
    ```
    """
    for name, model in context.taking("file"):
        draft = model.draft.file if model.draft else None
        for key, file in (("file", model.file), ("mmproj", model.mmproj), ("draft", draft)):
            if not isinstance(file, str):
                continue
            shard = SHARD.search(file)
            if not _PATH.fullmatch(file):
                message, own = f"`{file}` is not the path of a GGUF file", re.split(r"[/\\]", file)[-1]
                help_text = "write its path as shown on the hub"
                if _PATH.fullmatch(own):
                    help_text = f'write `{key} = "{own}"`, its path in the repository; `modelgen add` adds your own'
            elif key != "mmproj" and file.rpartition("/")[2].lower().startswith("mmproj"):
                message = f"`{file}` is the projector of a model, not the model"
                help_text = "name the model's own file here; this one is for `mmproj`"
            elif shard and int(shard[1]) != 1:
                first = f"{file[: shard.start()]}-00001-of-{shard[2]}.gguf"
                message, help_text = f"`{file}` is a later part of a split model", f'write `{key} = "{first}"`'
            else:
                continue
            place = (
                context.document.at_value("models", name, key, "file")
                if key == "draft"
                else context.at_origin(name, key)
            )
            yield Found(place, message, help_text.replace("`draft =", "`file ="))


@rule("MG248", "gguf-repository")
def gguf_repository(context: Context) -> Iterator[Found]:
    """A repository of GGUF files, for an engine that loads checkpoints.

    ## Why
    vLLM and SGLang load one GGUF file by its path, but not a repository: vLLM ends with "Unrecognised GGUF reference".
    A repository has a dozen such files, and the engine llama.cpp loads the one in `file`.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B-GGUF"
    args = { max-model-len = 16384, load-format = "gguf" }
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
    for name, run in context.runs.items():
        entry = context.pins[name].entry
        if entry is not None and _loads_checkpoints(run) and _has_only_gguf(entry):
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} has only GGUF files, which {run.engine.title if run.engine else ''} does not load",
                f"{_AS_GGUF}, or name the repository of the original weights",
            )
    for name, model in context.models.items():
        args = {arg.name: arg for arg in context.args_of(name)}
        flag = gguf_flag({known: arg.value for known, arg in args.items()})
        if flag is None or context.pins[name].want is None:
            continue
        if not is_of_another_version(context, args[flag]):
            yield Found(
                context.document.at_value(*args[flag].path),
                f'`{args[flag].key} = "{GGUF}"` needs the path of a GGUF file, but {model.repo} is a repository',
                _AS_GGUF,
            )


@rule("MG264", "gguf-by-name", Severity.WARNING)
def gguf_by_name(context: Context) -> Iterator[Found]:
    """A repository whose name ends with `-GGUF`, for an engine that loads checkpoints.

    ## Why
    Such a repository usually has GGUF files only, which vLLM, SGLang, TEI and Infinity do not load. `modelgen lock`
    records the files, and then it is an error if there are no others.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-GGUF"
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
    for name, run in context.runs.items():
        model, title = run.model, run.engine.title if run.engine else ""
        is_named = model.repo is not None and is_repo_id(model.repo) and model.repo.lower().endswith("-gguf")
        is_other_fault = model.file or model.quant or gguf_flag(run.args)
        if is_named and _loads_checkpoints(run) and context.pins[name].entry is None and not is_other_fault:
            message = f"{model.repo} has GGUF files, by its name, which {title} does not load"
            yield Found(context.at_origin(name, "repo"), message, _AS_GGUF)


def _loads_checkpoints(run: ModelRun) -> bool:
    return run.engine is not None and run.engine.from_config and "file" not in run.engine.keys


def _has_only_gguf(entry: Snapshot) -> bool:
    names = [*entry.left_out, *(file.path for file in entry.files)]
    return any(name.endswith(".gguf") for name in names) and not any(name.endswith(_OTHER_WEIGHTS) for name in names)
