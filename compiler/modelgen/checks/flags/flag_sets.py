"""Check flags that need or exclude each other, or depend on the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.engine import parallel_size
from modelgen.engines.flags import as_number
from modelgen.engines.weights.model_config import length_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelgen.checks.context import Context
    from modelgen.engines.engine import Engine
    from modelgen.resolve import ModelPins

_EXAMPLE = 16_384


@rule("MG213", "missing-max-model-len")
def missing_max_model_len(context: Context) -> Iterator[Found]:
    """A vllm model without `max-model-len`.

    ## Why
    The default is the longest context of the model: 262,144 tokens for the Qwen3 family. The KV cache for it rarely
    fits on the GPU, and vLLM reports that only after minutes of loading (vllm#2418). If models.lock has the model's
    config.json, modelgen writes the longest that fits, or the whole with the warning `whole-context`.

    ## Bad
    ```toml
    [models.qwen]
    args = {}
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None or engine.catalogue is None or not engine.needs_length:
            continue
        refused = any(
            document.is_refused(*table, *key)
            for table in (("models", name, "args"), ("defaults", "args"), ("engines", run.engine_name, "args"))
            for key in ((), (engine.length,), (engine.length.replace("-", "_"),))
        )
        written = {arg.name.lstrip("-") for arg in context.args_of(name)}
        file = document.files.get(name)
        is_unread = file is not None and bool(file.faults)  # it may have the flag
        if engine.length not in written and not (refused or is_unread) and context.pins[name].length is None:
            yield Found(
                document.at_header("models", name, "args"),
                f"`{name}` has no `{engine.length}`",
                _length_help(engine, context.pins[name]),
            )


def _length_help(engine: Engine, pins: ModelPins) -> str:
    """Return what to write: no more than the model supports; without a lock, that it would do as well."""
    length = min(_EXAMPLE, length_limit(engine, pins.config) or _EXAMPLE)
    text = f"write the longest context that you need: `args = {{ {engine.length} = {length} }}`"
    is_found_by_lock = engine.from_config and pins.want is not None and pins.entry is None
    return f"{text}, or run `modelgen lock` to take the model's own" if is_found_by_lock else text


@rule("MG214", "parallel-mismatch")
def parallel_mismatch(context: Context) -> Iterator[Found]:
    """Parallel sizes whose product is not the number of `gpus`.

    ## Why
    The product of the tensor, pipeline and data-parallel sizes is the number of GPUs that the engine uses. If it is
    larger than the number of `gpus`, the engine waits for a GPU that it does not have; if smaller, a GPU stays idle.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [models.qwen]
    gpus = ["gpu0"]
    ```
    """
    document = context.document
    for name, model in context.models.items():
        engine = context.runs[name].engine
        if engine and engine.one_card and len(model.gpus or ()) > 1:
            place = context.at_origin(name, "gpus")
            used = len(model.gpus or ())
            yield Found(place, f"{engine.title} uses one GPU, but `{name}` has {used}", "write one GPU")
        args = {arg.name: arg for arg in context.args_of(name) if not arg.inner}
        values = {flag: arg.value for flag, arg in args.items()}
        sizes = parallel_size(engine, values) if engine and engine.tensor_parallel else None
        if engine is None or not model.gpus or sizes is None or sizes[0] == len(model.gpus):
            continue
        if any(not arg.is_known and _begins(arg.name, engine.parallel_sizes) for arg in args.values()):
            continue  # an abbreviation of several flags has a finding of its own
        product, flags = sizes
        cards = f"{len(model.gpus)} GPU{'s' if len(model.gpus) > 1 else ''}"
        if flags:
            written = " × ".join(f"`{args[flag].key}`" for flag in flags)
            help_text = _equal([args[flag].key for flag in flags], len(model.gpus))
            place = document.at_value(*args[flags[0]].path)
            yield Found(place, f"{written} is {product}, but `{name}` has {cards}", help_text)
        elif not context.runs[name].is_fork:  # vLLM-Omni divides its stages among the GPUs by a flag of its own
            yield Found(
                context.at_origin(name, "gpus"),
                f"`{name}` has {cards}, but uses one: no parallel size is written",
                f"write `{engine.tensor_parallel} = {len(model.gpus)}` in `args`",
            )


def _equal(keys: Sequence[str], cards: int) -> str:
    """Return what to write so that the parallel sizes match the GPUs."""
    if len(keys) == 1:
        return f"write `{keys[0]} = {cards}`, or give the model as many GPUs"
    return "make the product of these numbers the number of the model's GPUs"


def _begins(name: str, flags: Iterable[str]) -> bool:
    return any(flag.startswith(name) for flag in flags)


@rule("MG241", "missing-companion")
def missing_companion(context: Context) -> Iterator[Found]:
    """A flag without another flag that it needs.

    ## Why
    The engine stops at its start: "Error: --enable-auto-tool-choice requires --tool-call-parser".

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-auto-tool-choice = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```
    """
    for name, run in context.runs.items():
        drafts = run.engine.drafts if run.engine and not run.is_fork else None
        if drafts and (key := drafts.missing(run.version, run.args)):
            draft = next(arg for arg in context.args_of(name) if arg.name == drafts.flag)
            example = "4" if key == "num_speculative_tokens" else '"namespace/name"'
            yield Found(
                context.document.at_key(*draft.path),
                f"`{draft.key}` needs `{key}`",
                f"put `{key} = {example}` into its table",
            )
        written = {arg.name: arg for arg in context.args_of(name) if not arg.inner}
        for flag, other, help_text in run.engine.companions if run.engine else ():
            arg, companion = written.get(flag), written.get(other)
            if arg is None or arg.value is False or not arg.is_known:
                continue
            has_default = other == "enable-prefix-caching" and companion is None  # on by default in vLLM's V1 engine
            if not has_default and (companion is None or companion.value is False):
                yield Found(context.document.at_key(*arg.path), f"`{arg.key}` needs `{other}`", f"add {help_text}")


@rule("MG574", "idle-flag", Severity.WARNING)
def idle_flag(context: Context) -> Iterator[Found]:
    """A `tool-call-parser` without `enable-auto-tool-choice`.

    ## Why
    vLLM starts, and answers requests with tools with 400: "`auto` tool choice requires --enable-auto-tool-choice and
    --tool-call-parser to be set".

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, tool-call-parser = "hermes" }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```
    """
    for name, run in context.runs.items():
        written = {arg.name: arg for arg in context.args_of(name) if not arg.inner}
        for flag, other, help_text in run.engine.idle_alone if run.engine else ():
            arg, companion = written.get(flag), written.get(other)
            if (
                arg is None
                or not arg.is_known
                or run.is_fork
                or (companion is not None and companion.value is not False)
            ):
                continue
            place = context.document.at_key(*(companion or arg).path)
            remedy = f"write {help_text}" if companion is not None else f"add {help_text}"
            yield Found(place, f"`{arg.key}` has no effect without `{other}`", f"{remedy}, or remove `{arg.key}`")


@rule("MG245", "sizes-at-odds")
def sizes_at_odds(context: Context) -> Iterator[Found]:
    """A size that is larger than another flag allows.

    ## Why
    vLLM checks these sizes only after it has loaded: a batch needs room for one token of each sequence, and, without
    chunked prefill, for the longest prompt.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, max-num-seqs = 256, max-num-batched-tokens = 128 }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, max-num-seqs = 64, max-num-batched-tokens = 8192 }
    ```
    """
    for name, run in context.runs.items():
        written = {arg.name: arg for arg in context.args_of(name) if not arg.inner}
        for small, large, where_off in run.engine.at_most if run.engine else ():
            counts = not where_off or (where_off in written and written[where_off].value is False)
            if small not in written or large not in written or not counts:
                continue
            least, most = as_number(written[small].value), as_number(written[large].value)
            if least is not None and most is not None and least > most > 0:
                later = max((written[small], written[large]), key=lambda arg: context.document.at_value(*arg.path))
                yield Found(
                    context.document.at_value(*later.path),
                    f"`{written[small].key}` is {least:g}, more than `{written[large].key}`, which is {most:g}",
                    f"write `{later.key} = {least if later.name == large else most:g}` or "
                    f"{'more' if later.name == large else 'less'}",
                )
