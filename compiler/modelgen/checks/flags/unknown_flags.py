"""Check for flags that a release does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.flags.flag_spelling import abbreviated_owned, is_flag_name, is_negative
from modelgen.checks.flags.flag_values import is_choice_of_the_future
from modelgen.config.familiar_answers import flag_names
from modelgen.diagnostics import Found, Severity, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument


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
    image = "vllm/vllm-openai:v0.33.0"

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
        if _is_unknown(arg) and not arg.is_newer and len(_abbreviated(arg)) != 1:
            yield Found(context.document.at_key(*arg.path), f"{arg.version} has no flag `{arg.name}`", _instead(arg))


@rule("MG217", "newer-than-data", Severity.WARNING)
def newer_than_data(context: Context) -> Iterator[Found]:
    """A flag or value that modelgen does not know, for a version that is newer than its data.

    ## Why
    A newer release may have added it. If it is a typing error, the engine stops at once.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.99.0"

    [models.qwen]
    args = { max-model-len = 16384, flag-of-the-future = true }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.33.0"

    [models.qwen]
    args = { max-model-len = 16384, enable-prefix-caching = true }
    ```
    """
    for arg in context.args:
        data = f"modelgen's data ends at {arg.engine.title} {arg.catalogue.names[-1]}"
        if is_choice_of_the_future(arg):
            place = context.document.at_value(*arg.path)
            message = f"`{arg.value}` is not known: {data}, and {arg.version} may have it"
            yield Found(place, message, "check the spelling, or update modelgen")
        elif _is_unknown(arg) and arg.is_newer:
            lives = arg.catalogue.lives(arg.name)
            hope = "is unlikely to have it again" if lives else "may have it"
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.name}` is not known: {data}, and {arg.version} {hope}",
                _instead(arg) or "check the spelling, or update modelgen",
            )


@rule("MG218", "abbreviated-flag")
def abbreviated_flag(context: Context) -> Iterator[Found]:
    """An abbreviated flag.

    ## Why
    The engine's parser accepts any unique prefix of a flag. If the next release adds another flag with that prefix, the
    same line becomes an error or gets another meaning.

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
        if _is_unknown(arg) and not arg.is_newer and len(whole := _abbreviated(arg)) == 1:
            place = context.document.at_key(*arg.path)
            yield Found(place, f"`{arg.key}` is short for `{whole[0]}`", f"write `{whole[0]}`")


def _is_unknown(arg: Argument) -> bool:
    """Return whether the release lacks the flag, and no other rule reports the key."""
    return (
        not arg.is_known
        and is_flag_name(arg.key)
        and arg.positive not in arg.engine.owned_args
        and not abbreviated_owned(arg)
        and not (is_negative(arg.key) and isinstance(arg.value, bool))
    )


def _abbreviated(arg: Argument) -> list[str]:
    """Return the flags that begin with the name."""
    return [flag for flag in arg.release.flag_names() if flag.startswith(arg.name)] if arg.release else []


def _instead(arg: Argument) -> str:
    """Return when the flag existed and its replacement; for a flag that never existed, a similar one."""
    lives, label = arg.catalogue.lives(arg.name), arg.catalogue.label
    if not lives and (instead := arg.engine.instead.get(arg.name)):
        return instead.help
    if not lives:
        names = arg.release.flag_names() if arg.release else arg.catalogue.all_names()
        if meant := next((name for name in flag_names(arg.name) if name in names), None):
            return f"write `{meant}`"
        return did_you_mean(arg.name, {*names} - {*arg.engine.owned_args}, list_known=False)
    if arg.release and arg.catalogue.position(lives[0].since) > arg.release.at:
        return f"it appeared in {label(lives[0].since)}"
    gone = lives[-1].gone
    said = f"it was removed in {label(gone)}" if gone else f"it appeared in {label(lives[-1].since)}"
    instead = arg.engine.instead.get(arg.name)
    return f"{said}; {instead.help}" if instead else said
