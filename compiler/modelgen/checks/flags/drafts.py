"""Check flags whose value is a table: speculative decoding, and compilation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.diagnostics import Found, did_you_mean, rule
from modelgen.engines.flags import table_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.facts import Drafts
    from modelgen.load.locator import Path
    from modelgen.resolve import Argument


@rule("MG263", "unknown-draft-key")
def unknown_draft_key(context: Context) -> Iterator[Found]:
    """A key or a method that `speculative-config` of this version of vLLM does not have.

    ## Why
    vLLM passes the table to a class, which refuses what it does not know: "Unexpected keyword argument", or "Input
    should be 'ngram', 'eagle', …". The keys and methods of each release are known.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, speculative-config = { model = "z-lab/Qwen3-4B-DFlash-b16", num_spec_tokens = 4 } }
    ```

    ```toml
    [models.qwen]
    args = { max-model-len = 16384, speculative-config = { method = "ngrams", num_speculative_tokens = 4 } }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, speculative-config = { method = "ngram", num_speculative_tokens = 4 } }
    ```
    """
    for run in context.runs.values():
        drafts = run.engine.drafts if run.engine and not run.is_fork else None
        if drafts is None or run.version is None:
            continue
        for arg in run.arguments:
            for path, key, value in _entries(arg) if arg.name == drafts.flag else ():
                if (found := drafts.unknown(run.version, key, is_method=False)) is not None:
                    place = context.document.at_key(*path)
                    message = f"`{drafts.flag}` of {arg.version} has no key `{key}`"
                    yield Found(place, message, found[0] or _instead(drafts, key, found[1]))
                elif key == drafts.method and isinstance(value, str):
                    unknown = drafts.unknown(run.version, value, is_method=True)
                    if unknown is not None:
                        place = context.document.at_value(*path)
                        message = f"`{drafts.flag}` of {arg.version} has no method `{value}`"
                        usual = [name for name in unknown[1] if not name.endswith("_mtp")]
                        yield Found(place, message, unknown[0] or did_you_mean(value, usual))


@rule("MG270", "unknown-table-key")
def unknown_table_key(context: Context) -> Iterator[Found]:
    """A key that the table in a flag of this version of vLLM does not have.

    ## Why
    vLLM passes the table of `compilation-config` to a class, which refuses what it does not know since 0.13:
    "Unexpected keyword argument". The keys of each release are known.

    ## Bad
    ```toml
    [models.qwen]
    image = "vllm/vllm-openai:v0.19.0"
    args = { max-model-len = 16384, compilation-config = { cuda_graph_mode = "FULL" } }
    ```

    ## Good
    ```toml
    [models.qwen]
    image = "vllm/vllm-openai:v0.19.0"
    args = { max-model-len = 16384, compilation-config = { cudagraph_mode = "FULL" } }
    ```
    """
    for run in context.runs.values():
        if run.engine is None or run.version is None or run.is_fork:
            continue
        for arg in run.arguments:
            for path, key, _ in _entries(arg) if arg.name in run.engine.tables else ():
                if (found := run.engine.tables[arg.name](run.version, key)) is not None:
                    message = f"`{arg.name}` of {arg.version} has no key `{key}`"
                    near = did_you_mean(key.replace("-", "_"), found[1], list_known=False)
                    yield Found(context.document.at_key(*path), message, found[0] or near or "remove it")


def _instead(drafts: Drafts, key: str, known: frozenset[str]) -> str:
    meant = drafts.familiar.get(key.replace("-", "_").lower())
    return f"write `{meant}`" if meant else did_you_mean(key, known)


def _entries(arg: Argument) -> Iterator[tuple[Path, str, Any]]:
    """Yield path, key and value of the entries of a table, which may be JSON or a path into it."""
    if arg.inner:
        key, dot, _ = arg.inner.removeprefix(".").partition(".")
        yield arg.path, key, None if dot else arg.value
        return
    is_table = isinstance(arg.value, dict)
    for key, value in ((arg.value if is_table else table_in(arg.value)) or {}).items():
        yield (*arg.path, key) if is_table else arg.path, key, value


@rule("MG535", "draft-without-layers")
def draft_without_layers(context: Context) -> Iterator[Found]:
    """Speculative decoding by layers for multi-token prediction (MTP), which the model does not have.

    ## Why
    The method `mtp` drafts with layers of the model itself, as DeepSeek-V3, GLM-4.5, Qwen3-Next and Qwen3.5 have them.
    For a model without them, vLLM makes no such draft.

    ## Bad
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, speculative-config = { method = "mtp", num_speculative_tokens = 1 } }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"model_type": "qwen3", "max_position_embeddings": 40960}'
    ```

    ## Good
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, speculative-config = { method = "ngram", num_speculative_tokens = 4 } }
    ```
    """
    for name, config in context.configs.items():
        run = context.runs[name]
        drafts = run.engine.drafts if run.engine and not run.is_fork else None
        if drafts is not None and drafts.lacks_layers(run.args, config):
            arg = next(one for one in run.arguments if one.name == drafts.flag)
            yield Found(
                context.document.at_key(*arg.path),
                f"{run.model.repo} has no layers for multi-token prediction",
                f'write `{drafts.flag} = {{ method = "ngram", num_speculative_tokens = 4 }}`, or name a draft by '
                f"`{drafts.model}`",
            )
