"""Check the keys of `args`: owned flags, spelling, duplicates and deprecated flags."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from modelgen.config.familiar_answers import adding_own
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve.arguments import Argument, PlainArgument

_ONCE = "remove it, or the other one: a flag is written once"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_.-]+)?\+?")


@rule("MG210", "owned-arg")
def owned_arg(context: Context) -> Iterator[Found]:
    """A flag that modelgen sets.

    ## Why
    The model, its names and revision, the address and the share of GPU memory must agree with mounts, healthcheck and
    reservations. Each has a key of its own in models.toml.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, gpu-memory-utilization = 0.9 }
    ```

    ## Good
    ```toml
    [models.qwen]
    gpu_memory = 0.9
    ```
    """
    for arg in context.args:
        takes_loras = bool(arg.model) and "loras" in arg.engine.keys
        if arg.positive == "enable-lora" and takes_loras and context.models[arg.model].loras:
            place = context.document.at_key(*arg.path)
            yield Found(place, "modelgen sets `--enable-lora` itself", "remove it: it follows from `loras`")
        if arg.positive == "tokenizer-revision" and any(
            other.name == "tokenizer" for other in context.args_of(arg.model)
        ):
            continue  # the tokenizer has a repository of its own, so this is not the model's revision
        owned = arg.positive if arg.positive in arg.engine.owned_args else abbreviated_owned(arg)
        if owned in arg.engine.owned_args:
            short = "" if owned == arg.positive else f"`{arg.key}` is short for `--{owned}`: "
            place = context.document.at_key(*arg.path)
            help_text = instead_of_owned(arg.engine.owned_args[owned], arg.value, is_negative=is_negative(arg.key))
            yield Found(place, f"{short}modelgen sets or omits `--{owned}` itself", help_text)
    for plain in context.plain_args:
        if reason := plain.engine.owned_args.get(plain.name):
            place = context.document.at_key(*plain.path)
            help_text = instead_of_owned(reason, plain.value, is_negative=is_negative(plain.key))
            yield Found(place, f"modelgen sets or omits `--{plain.name}` itself", help_text)


@rule("MG211", "bad-flag")
def bad_flag(context: Context) -> Iterator[Found]:
    """A key of `args` that is not a flag name.

    ## Why
    modelgen adds the leading dashes, and a flag is one word. Only a fork's flag of several letters with one dash, such
    as ik_llama.cpp's `"-amb"`, is written with its dash. Write booleans as true or false, without `no-`: whether an
    engine has `--no-…` depends on its version.

    ## Bad
    ```toml
    [models.qwen]
    args = { "--max-model-len" = 16384 }
    ```

    ```toml
    [models.qwen]
    args = { max-model-len = 16384, no-enable-prefix-caching = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-prefix-caching = false }
    ```
    """
    plain = (one for one in context.plain_args if not (one.is_as_written and is_flag_name(one.key[1:])))
    every: list[Argument | PlainArgument] = [*context.args, *plain]
    for written in every:
        if not is_flag_name(written.key):
            bare = written.key.strip().lstrip("-")
            help_text = f"write `{bare}`" if is_flag_name(bare) else "use letters, digits and hyphens"
            help_text = f"write `O = {bare[1]}`" if re.fullmatch("O[0-3]", bare) else help_text
            yield Found(context.document.at_key(*written.path), f"`{written.key}` is not a flag name", help_text)
    for arg in context.args:
        key = arg.key
        if not is_flag_name(key):
            continue
        if is_negative(arg.key) and arg.positive not in arg.engine.owned_args and isinstance(arg.value, bool):
            yield Found(
                context.document.at_key(*arg.path),
                f"`{key}` is the negative form of a flag",
                f"write `{key[3:]} = {str(not arg.value).lower()}`",
            )


@rule("MG212", "flag-twice")
def flag_twice(context: Context) -> Iterator[Found]:
    """One flag in two spellings.

    ## Why
    `tp` and `tensor-parallel-size` are one flag, and so are `max_model_len` and `max-model-len`. The engine silently
    uses the last one.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, max_model_len = 8192 }
    ```

    ## Good
    ```toml
    [models.qwen]
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
                # vLLM collects JSON paths in a value of their own, and the last value wins.
                other = seen.get(arg.name, arg) if arg.inner else within.get(arg.name, arg)
            if arg.inner:
                within.setdefault(arg.name, arg)
            if other is not arg:
                place = max(document.at_key(*other.path), document.at_key(*arg.path))
                yield Found(place, f"`{other.key}` and `{arg.key}` are the same flag", _ONCE)
    first: dict[tuple[str, str], PlainArgument] = {}
    for plain in context.plain_args:
        canonical = plain.catalogue.canonical(plain.name) if plain.catalogue else plain.name
        same = first.setdefault((plain.model, canonical), plain)
        if same is not plain:
            place = max(document.at_key(*same.path), document.at_key(*plain.path))
            yield Found(place, f"`{same.key}` and `{plain.key}` are the same flag", _ONCE)


@rule("MG219", "deprecated-flag", Severity.WARNING)
def deprecated_flag(context: Context) -> Iterator[Found]:
    """A flag that is deprecated in this version of the engine.

    ## Why
    One of the next releases removes it, and the engine then stops with an error.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.2"

    [models.qwen]
    args = { max-model-len = 16384, disable-log-requests = true }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.2"
    ```
    """
    for arg in context.args:
        if arg.flag and arg.flag.deprecated and arg.name not in arg.engine.owned_args:
            gone = next((life.gone for life in arg.catalogue.lives(arg.name) if life.gone), None)
            until = f" and removed in {arg.catalogue.label(gone)}" if gone else ""
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.name}` is deprecated in {arg.version}{until}",
                replacement(arg) or "see the engine's own help for a replacement",
            )


def replacement(arg: Argument) -> str:
    """Return what to write in place of a flag of the engine; empty if the release does not have it."""
    instead = arg.engine.instead.get(arg.name)
    if instead is None or (arg.release and not all(arg.release.get(flag) for flag in instead.flags)):
        return ""
    return instead.help_for(arg.value)


# llama.cpp's name of a file in a repository: `o/m:Q4_K_M`.
_REFERENCE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?::(?P<quant>[\w.-]+))?")
_BLANK = "…"


def instead_of_owned(reason: str, value: Any, *, is_negative: bool) -> str:  # noqa: ANN401 - any TOML value
    """Return what to write for a flag that modelgen sets: the key in its place with the value, or nothing.

    Args:
        reason: As in `Engine.owned_args`: the reason, or the key to write.
        value: The value that is written.
        is_negative: Whether the flag is written as `no-…`.
    """
    key = re.match(r"write `(\w+)`", reason)
    if isinstance(value, bool) and value is is_negative:
        return f"remove it: it is off without `{key[1]}` in the model's table" if key else f"remove it: {reason}"
    if (blank := f'"{_BLANK}"') in reason and isinstance(value, str) and (ref := _REFERENCE.fullmatch(value)):
        named = reason.replace(blank, f'"{ref["repo"]}"', 1)
        return named.replace(blank, f'"{ref["quant"]}"', 1) if ref["quant"] else named
    if key is None:
        return reason if reason.startswith("write ") else f"remove it: {reason}"
    if isinstance(value, str) and re.match(r"[/~]|\.{1,2}/|[A-Za-z]:[\\/]", value):
        if key[1] == "repo":
            return adding_own(value)
        if key[1] == "mmproj":
            own = re.split(r"[\\/]", value)[-1]
            return f"write `mmproj = {json.dumps(own, ensure_ascii=False)}` in the model's table, its path in `repo`"
    if isinstance(value, str) and (instead := _named_file(key[1], reason, value)):
        return instead
    is_share = isinstance(value, float) and 0 < value <= 1
    if is_share if key[1] == "gpu_memory" else isinstance(value, bool | str):
        written = "true" if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
        return reason.replace(key[0], f"write `{key[1]} = {written}`", 1)
    return reason


def _named_file(key: str, reason: str, value: str) -> str:
    """Return what to write for a GGUF file of a repository, `o/m:Q4_K_M` or `m.gguf`; empty for another value."""
    if key != "repo" or "`quant`" not in reason:
        return ""
    if value.endswith(".gguf"):
        return f"write `file = {json.dumps(value, ensure_ascii=False)}` in the model's table, beside `repo`"
    ref = _REFERENCE.fullmatch(value)
    if ref is None or not ref["quant"]:
        return ""
    return f'write `repo = "{ref["repo"]}"` and `quant = "{ref["quant"]}"` in the model\'s table'


def is_flag_name(key: str) -> bool:
    """Return whether a key can be a flag, with or without a JSON path after it."""
    return _NAME.fullmatch(key) is not None


def is_negative(key: str) -> bool:
    """Return whether a key begins with `no-`."""
    return key[:3] in ("no-", "no_")


def abbreviated_owned(arg: Argument) -> str:
    """Return the owned flag that an unknown flag abbreviates, or an empty string.

    argparse accepts any unique prefix of a flag, so a prefix of an owned flag must be found too.
    """
    if arg.is_known or not arg.positive:
        return ""
    names = arg.release.flag_names() if arg.release else arg.catalogue.all_names()
    whole = [flag for flag in {*names, *arg.engine.owned_args} if flag.startswith(arg.positive)]
    return whole[0] if len(whole) == 1 and whole[0] in arg.engine.owned_args else ""
