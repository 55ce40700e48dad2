"""Check for flags that a release does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.flags.flag_spelling import abbreviated_owned, is_flag_name, is_negative
from modelgen.checks.flags.flag_values import is_choice_of_the_future
from modelgen.diagnostics import Found, Severity, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument


@rule("MG216", "unknown-flag")
def unknown_flag(context: Context) -> Iterator[Found]:
    """A flag that this version of the engine does not have.

    ## Why
    The engine stops at once with "unrecognized arguments", and a container with a restart policy does so for ever.
    Flags come and go with every release: one public file in twenty has one that its image does not know.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, max-num-sequences = 16 }
    ```

    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.33.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, swap-space = 4 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, max-num-seqs = 16 }
    ```
    """
    for arg in context.args:
        if _is_unknown(arg) and not arg.is_newer and len(_abbreviated(arg)) != 1:
            yield Found(context.document.at_key(*arg.path), f"{arg.version} has no flag `{arg.name}`", _instead(arg))


@rule("MG217", "newer-than-data", Severity.WARNING)
def newer_than_data(context: Context) -> Iterator[Found]:
    """A flag or a choice that modelgen does not know, for a version that is newer than what it knows.

    ## Why
    It may have come since; then the engine takes it. If it is a mistake, the engine stops at once.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.99.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, flag-of-the-future = true }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.33.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enable-prefix-caching = true }
    ```
    """
    for arg in context.args:
        data = f"the data ends at {arg.engine.title} {arg.catalogue.names[-1]}"
        if is_choice_of_the_future(arg):
            place = context.document.at_value(*arg.path)
            yield Found(place, f"`{arg.value}` is not known, but {data}: {arg.version} may have it")
        elif _is_unknown(arg) and arg.is_newer:
            lives = arg.catalogue.lives(arg.name)
            hope = "will hardly have it again" if lives else "may have it"
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.name}` is not known, but {data}: {arg.version} {hope}",
                _instead(arg),
            )


@rule("MG218", "abbreviated-flag")
def abbreviated_flag(context: Context) -> Iterator[Found]:
    """A flag that is cut short.

    ## Why
    The engine's parser takes any unique beginning of a flag for the whole. The next release brings another flag with
    that beginning, and the same line is an error, or means something else.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enable-prefix = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enable-prefix-caching = true }
    ```
    """
    for arg in context.args:
        if _is_unknown(arg) and not arg.is_newer and len(whole := _abbreviated(arg)) == 1:
            place = context.document.at_key(*arg.path)
            yield Found(place, f"`{arg.key}` is short for `{whole[0]}`", f"write `{whole[0]}`")


def _is_unknown(arg: Argument) -> bool:
    """Return whether the release lacks the flag, and no other rule speaks of the key."""
    return (
        not arg.is_known
        and is_flag_name(arg.key)
        and arg.positive not in arg.engine.owned_args
        and not abbreviated_owned(arg)
        and not (is_negative(arg.key) and isinstance(arg.value, bool))
    )


def _abbreviated(arg: Argument) -> list[str]:
    """Return the flags of which the name is the beginning."""
    return [flag for flag in arg.release.flag_names() if flag.startswith(arg.name)] if arg.release else []


def _instead(arg: Argument) -> str:
    """Say when there was such a flag and what to write for it, else which one may be meant."""
    lives, label = arg.catalogue.lives(arg.name), arg.catalogue.label
    if not lives and (instead := arg.engine.instead.get(arg.name)):
        return instead.help
    if not lives:
        names = arg.release.flag_names() if arg.release else arg.catalogue.all_names()
        return did_you_mean(arg.name, {*names} - {*arg.engine.owned_args}, list_known=False)
    if arg.release and arg.catalogue.position(lives[0].since) > arg.release.at:
        return f"it appeared in {label(lives[0].since)}"
    gone = lives[-1].gone
    said = f"it was removed in {label(gone)}" if gone else f"it appeared in {label(lives[-1].since)}"
    instead = arg.engine.instead.get(arg.name)
    return f"{said}; {instead.help}" if instead else said
