"""Check for flags that a release does not have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.checks.flags.flag_spelling import abbreviated_owned, is_flag_name, is_negative, replacement
from modelgen.checks.flags.flag_values import better_value, is_unverified_choice
from modelgen.checks.flags.plain_values import switched
from modelgen.config.familiar_answers import flag_names, sampling_flag
from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.flags import text_of
from modelgen.engines.images.properties import is_release

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument
    from modelgen.resolve.arguments import PlainArgument

_REMOVE = "remove it: no known release has it, nor one with a similar name"


@rule("MG216", "unknown-flag")
def unknown_flag(context: Context) -> Iterator[Found]:
    """A flag that this version of the engine does not have.

    ## Why
    The engine stops at once with "unrecognized arguments", and a restart policy repeats that forever. Each release adds
    and removes flags: one in twenty public files has a flag that its image does not have.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, max-num-sequences = 16 }
    ```

    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.qwen]
    args = { max-model-len = 16384, swap-space = 4 }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, max-num-seqs = 16 }
    ```
    """
    for arg in context.args:
        if _is_unknown(arg) and not arg.may_be_known:
            help_text = _unless_set(context, arg, _instead(arg) or _as_fork(context, arg) or _REMOVE)
            yield Found(context.document.at_key(*arg.path), f"{arg.version} has no flag `{arg.name}`", help_text)
    for plain in context.plain_args:
        if _is_unknown_plain(plain) and not plain.may_be_known:
            place = context.document.at_key(*plain.path)
            help_text = _instead_of_plain(plain) or _as_fork(context, plain) or _REMOVE
            yield Found(place, f"{plain.version} has no flag `{plain.name}`", help_text)


@rule("MG217", "unverified-flag", Severity.WARNING)
def unverified_flag(context: Context) -> Iterator[Found]:
    """A flag or value that modelgen does not know, for a version that is newer than its data, or for a fork.

    ## Why
    A newer release or a fork may have added it. If it is a typing error, the engine stops at once.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.99.0"

    [models.qwen]
    args = { max-model-len = 16384, flag-of-the-future = true }
    ```

    ```toml
    [engines.vllm]
    image = "registry.example/vllm-fork:1"
    version = "0.14.1"
    fork = true

    [models.qwen]
    args = { max-model-len = 16384, flag-of-the-fork = true }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.qwen]
    args = { max-model-len = 16384, enable-prefix-caching = true }
    ```
    """
    for arg in context.args:
        if is_unverified_choice(arg):
            place = context.document.at_value(*arg.path)
            help_text = "check the spelling, or update modelgen" if arg.is_newer else "check the spelling"
            yield Found(place, f"`{arg.value}` is not known: {_may_have_it(arg)}", better_value(arg) or help_text)
        elif _is_unknown(arg) and arg.may_be_known and not _is_of_fork(context, arg):
            help_text = "check the spelling, or update modelgen" if arg.is_newer else "check the spelling"
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.name}` is not known: {_may_have_it(arg)}",
                _instead(arg) or help_text,
            )
    own: dict[str, list[PlainArgument]] = {}
    for plain in context.plain_args:
        if _is_unknown_plain(plain) and plain.is_as_written:
            own.setdefault(plain.model, []).append(plain)
        elif _is_unknown_plain(plain) and plain.may_be_known:
            yield Found(
                context.document.at_key(*plain.path),
                f"`{plain.name}` is not known: {_may_have_plain(plain)}",
                _perhaps_meant(context, plain),
            )
        elif plain.may_be_known and plain.flag and plain.flag.choices and _is_unlisted(plain.value, plain.flag.choices):
            place = context.document.at_value(*plain.path)
            yield Found(place, f"`{plain.value}` is not known: {_may_have_plain(plain)}", "check the spelling")
    for flags in own.values():
        yield _of_fork(context, flags)


def _of_fork(context: Context, flags: list[PlainArgument]) -> Found:
    """Return one finding for the flags of a model that only a fork can have, since they are written with one dash."""
    is_, them = ("is", "it") if len(flags) == 1 else ("are", "them")
    names = ", ".join(f"`{one.name}`" for one in flags)
    return Found(
        context.document.at_key(*flags[0].path),
        f"{names} {is_} not known: {flags[0].version} does not have {them}, and the fork may have {them}",
        'check the spelling; `unverified-flag = "off"` in `[rules]` hides this for flags of forks',
    )


def _is_unlisted(value: Any, choices: Collection[str]) -> bool:  # noqa: ANN401 - whatever TOML holds
    is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
    return is_scalar and text_of(value) not in choices


def _is_unknown_plain(plain: PlainArgument) -> bool:
    is_name = is_flag_name(plain.key.removeprefix("-") if plain.is_as_written else plain.key)
    return not plain.is_known and is_name and plain.name not in plain.engine.owned_args


def _may_have_plain(plain: PlainArgument) -> str:
    if plain.is_fork or (plain.release is not None and not plain.release.is_newer):
        return f"{plain.version} does not have it, and the fork may have it"
    newest = plain.catalogue.names[-1] if plain.catalogue else ""
    return f"modelgen's data ends at {plain.engine.title} {newest}, and the image may have it"


def _perhaps_meant(context: Context, plain: PlainArgument) -> str:
    """Return what to check for a flag that the image may have."""
    is_short = re.fullmatch(r"[a-z]{2,4}", plain.key) is not None
    if plain.is_fork and is_short:
        # `fmoe` of ik_llama.cpp is no misspelt `cmoe`: names this short are all near each other.
        return f'check the spelling; if the fork has it with one dash, its key is `"-{plain.key}"`'
    if plain.is_fork:
        return _instead_of_plain(plain) or "check the spelling"
    return _instead_of_plain(plain) or _as_fork(context, plain) or "check the spelling, or update modelgen"


def _instead_of_plain(plain: PlainArgument) -> str:
    """Return when the flag or the spelling existed; for a flag that never existed, a similar one."""
    if plain.catalogue is None:
        return ""
    if instead := switched(plain):
        return instead
    if not plain.is_fork and (of_fork := plain.engine.instead.get(plain.name.lstrip("-"))):
        return of_fork.help_for(plain.value)
    canonical = plain.catalogue.canonical(plain.name)
    flag = plain.release.get(canonical) if plain.release else None
    if flag is not None:
        return f"write `{flag.name}`"
    if lives := plain.catalogue.lives(canonical):
        gone = lives[-1].gone
        is_later = plain.release and plain.catalogue.position(lives[0].since) > plain.release.at
        return f"it was removed in {gone}" if gone and not is_later else f"it appeared in {lives[0].since}"
    release = plain.release or plain.catalogue.newest
    spelled = {one for name in release.flag_names() if (flag := release.get(name)) for one in (name, *flag.aliases)}
    return did_you_mean(plain.name, spelled - {*plain.engine.owned_args}, list_known=False)


def _is_of_fork(context: Context, arg: Argument) -> bool:
    """Return whether an image that is a fork has a flag of a plugin, such as vLLM-Omni's `omni`."""
    run = context.runs.get(arg.model)
    return run is not None and run.is_fork and arg.engine.line is not None and arg.name in arg.engine.line.fork_flags


def _may_have_it(arg: Argument) -> str:
    if not arg.is_newer:
        return f"{arg.version} does not have it, and the fork may have it"
    hope = "is unlikely to have it again" if arg.catalogue.lives(arg.name) and not arg.is_known else "may have it"
    return f"modelgen's data ends at {arg.engine.title} {arg.catalogue.names[-1]}, and {arg.version} {hope}"


@rule("MG218", "abbreviated-flag", Severity.WARNING)
def abbreviated_flag(context: Context) -> Iterator[Found]:
    """An abbreviated flag.

    ## Why
    The engine's parser accepts any unique prefix of a flag, and modelgen writes the whole flag. If the next release
    adds another flag with that prefix, the same line becomes an error.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-prefix = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-prefix-caching = true }
    ```
    """
    for arg in context.args:
        if arg.is_abbreviated and arg.key not in arg.engine.short_forms:
            place = context.document.at_key(*arg.path)
            meant = flag_names(arg.key)
            is_other = bool(meant) and arg.name not in meant
            help_text = f"remove it, or write `{arg.name}`; other tools mean `{meant[0]}`" if is_other else ""
            yield Found(place, f"`{arg.key}` is short for `{arg.name}`", help_text or f"write `{arg.name}`")


def _unless_set(context: Context, arg: Argument, help_text: str) -> str:
    """Return the help, or the help to remove a flag whose right name is set as well."""
    meant = re.search(r"(?:write|did you mean) `([\w-]+)`", help_text)
    is_set = meant is not None and any(other.name == meant[1] for other in context.args_of(arg.model))
    return f"remove it: `{meant[1]}` is set already" if meant and is_set else help_text


def _as_fork(context: Context, arg: Argument | PlainArgument) -> str:
    """Return how to declare a fork, for an image that is not the engine's own release."""
    run = context.runs.get(arg.model)
    is_own = run is not None and run.image is not None and not is_release(run.image)
    return f"if the image contains a fork of {arg.engine.title} with this flag, write `fork = true`" if is_own else ""


def _is_unknown(arg: Argument) -> bool:
    """Return whether the release lacks the flag, and no other rule reports the key."""
    return (
        not arg.is_known
        and is_flag_name(arg.key)
        and arg.positive not in arg.engine.owned_args
        and not abbreviated_owned(arg)
        and not (is_negative(arg.key) and isinstance(arg.value, bool))
    )


def _instead(arg: Argument) -> str:
    """Return when the flag existed and its replacement; for a flag that never existed, a similar one."""
    lives, label = arg.catalogue.lives(arg.name), arg.catalogue.label
    if not lives and (instead := arg.engine.instead.get(arg.name)):
        return instead.help_for(arg.value)
    if not lives:
        names = arg.release.flag_names() if arg.release else arg.catalogue.all_names()
        if meant := next((name for name in flag_names(arg.name) if name in names), None):
            return f"write `{meant}`"
        if "override-generation-config" in names and (default := sampling_flag(arg.name, arg.value)):
            return default
        return did_you_mean(arg.name, {*names} - {*arg.engine.owned_args}, list_known=False)
    if arg.release and arg.catalogue.position(lives[0].since) > arg.release.at:
        return f"it appeared in {label(lives[0].since)}"
    gone = lives[-1].gone
    said = f"it was removed in {label(gone)}" if gone else f"it appeared in {label(lives[-1].since)}"
    successor = replacement(arg)
    return f"{said}; {successor}" if successor else said
