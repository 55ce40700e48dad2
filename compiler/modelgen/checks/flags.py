"""`args`: the engine's own flags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.diagnostics import Found, rule
from modelgen.engines import vllm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path

# vLLM's human_readable_int: 4k is 4000, 4K is 4096; `auto` from 0.14 on.
_LENGTH = re.compile(r"[1-9]\d*(?:\.\d+)?[kmgtKMGT]?|auto|-1", re.ASCII)
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_.-]+)?\+?")


@rule("MG210", "owned-arg")
def owned_arg(context: Context) -> Iterator[Found]:
    """A flag that modelgen writes itself.

    ## Why
    The model, its names, its revision, where it listens and what it takes of the card must agree with the mounts, the
    healthcheck and the budgets around them. Each has its own key.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, gpu-memory-utilization = 0.9 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = 0.9
    args = { max-model-len = 16384 }
    ```
    """
    for path, args in _tables(context):
        for key in args:
            name = _positive(key)
            owned = name if name in vllm.OWNED_ARGS else vllm.unabbreviated(name)
            if owned in vllm.OWNED_ARGS:
                what = f"`--{owned}`" if owned == name else f"`{key}` is short for `--{owned}`, which"
                place = context.document.at_key(*path, key)
                yield Found(place, f"{what} is written by modelgen", vllm.OWNED_ARGS[owned])


@rule("MG211", "bad-flag")
def bad_flag(context: Context) -> Iterator[Found]:
    """A key of `args` that cannot be a flag.

    ## Why
    The leading dashes are added by modelgen, and a flag is never two words. A boolean is written as true or false,
    not by a `no-` of one's own: which of the two forms an engine has depends on its version.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { "--max-model-len" = 16384 }
    ```

    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, no-enable-prefix-caching = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enable-prefix-caching = false }
    ```
    """
    for path, args in _tables(context):
        for key, value in args.items():
            bare = key.strip().lstrip("-")
            whole = vllm.unabbreviated(_positive(key))
            if not _KEY.fullmatch(key):
                help_text = (
                    f"write `{bare}`" if _KEY.fullmatch(bare) else "write the flag's name without dashes before it"
                )
                yield Found(context.document.at_key(*path, key), f"`{key}` is not a flag", help_text)
            elif whole and whole not in vllm.OWNED_ARGS:
                place = context.document.at_key(*path, key)
                yield Found(place, f"`{key}` is short for `--{whole}`", f"write `{whole}`")
            elif key[:3] in ("no-", "no_") and isinstance(value, bool) and _positive(key) not in vllm.OWNED_ARGS:
                yield Found(
                    context.document.at_key(*path, key),
                    f"`{key}` is the negative of a flag",
                    f"write `{key[3:]} = {str(not value).lower()}`",
                )


@rule("MG212", "flag-twice")
def flag_twice(context: Context) -> Iterator[Found]:
    """One flag under two spellings.

    ## Why
    `tp` and `tensor-parallel-size` are one flag, `max_model_len` and `max-model-len` too. The engine takes the last
    and says nothing.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, max_model_len = 8192 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, model in context.of_engine("vllm"):
        seen: dict[str, str] = {}
        for key in model.args or {}:
            first = seen.setdefault(vllm.flag_name(key), key)
            if first != key:
                place = max(document.at_key(*document.origin(name, "args", other)) for other in (first, key))
                yield Found(place, f"`{first}` and `{key}` are one flag", "write it once")


@rule("MG213", "missing-max-model-len")
def missing_max_model_len(context: Context) -> Iterator[Found]:
    """A vllm model without `max-model-len`.

    ## Why
    The default is what the model can do at most, 262,144 tokens for the Qwen3 family. Room for that is rarely on the
    card, and vLLM says so only after minutes of loading (vllm#2418).

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, model in context.of_engine("vllm"):
        refused = any(
            document.is_refused(*table, *key)
            for table in (("models", name, "args"), ("defaults", "args"))
            for key in ((), ("max-model-len",), ("max_model_len",))
        )
        written = {vllm.flag_name(key.strip().lstrip("-")) for key in model.args or {}}
        if "max-model-len" not in written and not refused:
            yield Found(
                document.at_header("models", name, "args"),
                f"`{name}` lacks `max-model-len`",
                "write `args = { max-model-len = 16384 }` with the longest context that you need",
            )


@rule("MG215", "bad-flag-value")
def bad_flag_value(context: Context) -> Iterator[Found]:
    """A value that a flag cannot have: a size that is no number, a list that is empty or reads as flags.

    ## Why
    What is counted here must be countable: with `tensor-parallel-size = 0` nothing can be said about the cards. An
    empty list would leave the flag without a value, so the engine would take the next flag for it.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = "long" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = "16k" }
    ```
    """
    for path, args in _tables(context):
        for key, value in args.items():
            name = vllm.flag_name(key)
            if name in vllm.PARALLEL_SIZES and vllm.whole_number(value) is None:
                expected = "a whole number of at least 1"
            elif name == vllm.MAX_MODEL_LEN and not _is_length(value):
                expected = 'a whole number of at least 1, such as 16384, or "16k"'
            elif isinstance(value, list) and (
                not value or any(isinstance(item, str) and item.startswith("-") for item in value)
            ):
                expected = "a list of values that do not begin with a dash, with one at least"
            else:
                continue
            yield Found(context.document.at_value(*path, key), f"`{key}` must be {expected}")


def _is_length(value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    is_human = isinstance(value, str) and _LENGTH.fullmatch(value) is not None
    return is_human or vllm.whole_number(value) is not None


@rule("MG214", "parallel-mismatch")
def parallel_mismatch(context: Context) -> Iterator[Found]:
    """Parallel sizes that do not multiply to the number of `gpus`.

    ## Why
    vLLM waits for a card that was not reserved, or leaves one idle that others could use: tensor × pipeline ×
    data-parallel size is the number of cards.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    document = context.document
    for name, model in context.of_engine("vllm"):
        sizes = vllm.parallel_size(model.args or {})
        if not model.gpus or sizes is None or sizes[0] == len(model.gpus):
            continue
        product, keys = sizes
        cards = f"{len(model.gpus)} card{'s' if len(model.gpus) > 1 else ''}"
        if keys:
            written = " × ".join(f"`{key}`" for key in keys.values())
            place = document.at_value(*document.origin(name, "args", next(iter(keys.values()))))
            yield Found(place, f"{written} is {product}, but `{name}` has {cards}", "make them equal")
        else:
            yield Found(
                document.at_value(*document.origin(name, "gpus")),
                f"`{name}` has {cards}, but uses one",
                f"write `args.tensor-parallel-size = {len(model.gpus)}`",
            )


def _positive(key: str) -> str:
    """Return the flag that a key means, whatever dashes, `no-` or JSON path are around it."""
    return vllm.flag_name(key.lstrip("-")).split(".")[0].removeprefix("no-")


def _tables(context: Context) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every `args` table of vllm models as written, with its path."""
    config = context.document.config
    if config.defaults and config.defaults.args:
        yield ("defaults", "args"), config.defaults.args
    for name, _ in context.of_engine("vllm"):
        if args := (config.models or {})[name].args:
            yield ("models", name, "args"), args
