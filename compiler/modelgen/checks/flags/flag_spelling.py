"""Check `args`: the engine's own flags, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve.arguments import Argument, PlainArgument

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_.-]+)?\+?")


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
    for arg in context.args:
        takes_loras = bool(arg.model) and "loras" in arg.engine.keys
        if arg.positive == "enable-lora" and takes_loras and context.models[arg.model].loras:
            place = context.document.at_key(*arg.path)
            yield Found(place, "`--enable-lora` is written by modelgen", "remove it: it follows from `loras`")
        if arg.positive == "tokenizer-revision" and any(
            other.name == "tokenizer" for other in context.args_of(arg.model)
        ):
            continue  # of another repository than the model's
        owned = arg.positive if arg.positive in arg.engine.owned_args else abbreviated_owned(arg)
        if owned in arg.engine.owned_args:
            what = f"`--{owned}`" if owned == arg.positive else f"`{arg.key}` is short for `--{owned}`, which"
            place = context.document.at_key(*arg.path)
            yield Found(place, f"{what} is modelgen's to write, or to leave out", arg.engine.owned_args[owned])
    for plain in context.plain_args:
        if help_text := plain.engine.owned_args.get(plain.name):
            place = context.document.at_key(*plain.path)
            yield Found(place, f"`--{plain.name}` is modelgen's to write, or to leave out", help_text)


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
    every: list[Argument | PlainArgument] = [*context.args, *context.plain_args]
    for written in every:
        if not is_flag_name(written.key):
            bare = written.key.strip().lstrip("-")
            help_text = f"write `{bare}`" if is_flag_name(bare) else "write letters, digits and hyphens"
            help_text = f"write `O = {bare[1]}`" if re.fullmatch("O[0-3]", bare) else help_text
            yield Found(context.document.at_key(*written.path), f"`{written.key}` is not a flag", help_text)
    for arg in context.args:
        key = arg.key
        if not is_flag_name(key):
            continue
        if is_negative(arg.key) and arg.positive not in arg.engine.owned_args and isinstance(arg.value, bool):
            yield Found(
                context.document.at_key(*arg.path),
                f"`{key}` is the negative of a flag",
                f"write `{key[3:]} = {str(not arg.value).lower()}`",
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
    for name in context.models:
        seen: dict[str, Argument] = {}
        within: dict[str, Argument] = {}
        for arg in context.args_of(name):
            if not is_flag_name(arg.key):
                continue
            other = seen.setdefault(arg.name + arg.inner, arg)
            if other is arg:
                # vLLM gathers paths in JSON into a value of their own, and the last value wins.
                other = seen.get(arg.name, arg) if arg.inner else within.get(arg.name, arg)
            if arg.inner:
                within.setdefault(arg.name, arg)
            if other is not arg:
                place = max(document.at_key(*other.path), document.at_key(*arg.path))
                yield Found(place, f"`{other.key}` and `{arg.key}` are one flag", "write it once")
    first: dict[tuple[str, str], PlainArgument] = {}
    for plain in context.plain_args:
        same = first.setdefault((plain.model, plain.name), plain)
        if same is not plain:
            place = max(document.at_key(*same.path), document.at_key(*plain.path))
            yield Found(place, f"`{same.key}` and `{plain.key}` are one flag", "write it once")


@rule("MG219", "deprecated-flag", Severity.WARNING)
def deprecated_flag(context: Context) -> Iterator[Found]:
    """A flag that this version of the engine calls deprecated.

    ## Why
    It is gone in one of the next releases, and then the engine stops at it.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.2"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, disable-log-requests = true }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.2"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for arg in context.args:
        if arg.flag and arg.flag.deprecated and arg.name not in arg.engine.owned_args:
            gone = next((life.gone for life in arg.catalogue.lives(arg.name) if life.gone), None)
            until = f", and gone in {arg.catalogue.label(gone)}" if gone else ""
            instead = arg.engine.instead.get(arg.name)
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.name}` is deprecated in {arg.version}{until}",
                instead.help if instead else "the engine's own help says what to write",
            )


def is_flag_name(key: str) -> bool:
    """Return whether a key can be a flag, perhaps with a path in JSON behind it."""
    return _NAME.fullmatch(key) is not None


def is_negative(key: str) -> bool:
    """Return whether a key is written with a `no-` before it."""
    return key[:3] in ("no-", "no_")


def abbreviated_owned(arg: Argument) -> str:
    """Return the owned flag that an unknown one is the beginning of, or nothing.

    argparse takes any unique prefix of a flag for the whole, so a prefix of an owned flag must not slip by.
    """
    if arg.is_known or not arg.positive:
        return ""
    names = arg.release.flag_names() if arg.release else arg.catalogue.all_names()
    whole = [flag for flag in {*names, *arg.engine.owned_args} if flag.startswith(arg.positive)]
    return whole[0] if len(whole) == 1 and whole[0] in arg.engine.owned_args else ""
