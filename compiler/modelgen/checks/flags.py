"""`args`: the engine's own flags, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.args import Arg
    from modelgen.checks.context import Context

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
    for arg in context.args:
        if arg.positive == "enable-lora" and arg.model and context.models[arg.model].loras:
            place = context.document.at_key(*arg.path)
            yield Found(place, "`--enable-lora` is written by modelgen", "remove it: it follows from `loras`")
        owned = arg.positive if arg.positive in arg.engine.owned_args else _abbreviated_owned(arg)
        if owned in arg.engine.owned_args:
            what = f"`--{owned}`" if owned == arg.positive else f"`{arg.key}` is short for `--{owned}`, which"
            place = context.document.at_key(*arg.path)
            yield Found(place, f"{what} is written by modelgen", arg.engine.owned_args[owned])


def _abbreviated_owned(arg: Arg) -> str:
    """Argparse takes any unique prefix of a flag for the whole, so a prefix of an owned flag must not slip by."""
    if arg.is_known or not arg.positive:
        return ""
    return next((flag for flag in arg.engine.owned_args if flag.startswith(arg.positive)), "")


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
    for arg in context.args:
        key, bare = arg.key, arg.key.strip().lstrip("-")
        if not _KEY.fullmatch(key):
            help_text = f"write `{bare}`" if _KEY.fullmatch(bare) else "write the flag's name without dashes before it"
            yield Found(context.document.at_key(*arg.path), f"`{key}` is not a flag", help_text)
        elif _is_negative(arg) and arg.positive not in arg.engine.owned_args and isinstance(arg.value, bool):
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
        seen: dict[str, Arg] = {}
        for arg in context.args_of(name):
            first = seen.setdefault(arg.name + arg.inner, arg)
            whole = seen.get(arg.name, first) if arg.inner else first
            if whole is not arg:
                place = max(document.at_key(*whole.path), document.at_key(*arg.path))
                yield Found(place, f"`{whole.key}` and `{arg.key}` are one flag", "write it once")


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
        if _is_unknown(arg) and not (arg.release and arg.release.is_newer) and len(_abbreviated(arg)) != 1:
            yield Found(context.document.at_key(*arg.path), f"{arg.version} has no flag `{arg.name}`", _instead(arg))


@rule("MG217", "newer-than-data", Severity.WARNING)
def newer_than_data(context: Context) -> Iterator[Found]:
    """A flag that modelgen does not know, for a version that is newer than what it knows.

    ## Why
    The flag may have come since; then the engine takes it. If it is a mistake, the engine stops at once.

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
        if _is_unknown(arg) and arg.release and arg.release.is_newer:
            data = f"the data ends at {arg.engine.title} {arg.catalogue.names[-1]}"
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.name}` is not known, but {data}: {arg.version} may have it",
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
        if _is_unknown(arg) and arg.release and not arg.release.is_newer and len(whole := _abbreviated(arg)) == 1:
            place = context.document.at_key(*arg.path)
            yield Found(place, f"`{arg.key}` is short for `{whole[0]}`", f"write `{whole[0]}`")


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


def _is_unknown(arg: Arg) -> bool:
    """Tell whether the release lacks the flag, and no other rule speaks of the key."""
    return (
        not arg.is_known
        and _KEY.fullmatch(arg.key) is not None
        and arg.positive not in arg.engine.owned_args
        and not _abbreviated_owned(arg)
        and not (_is_negative(arg) and isinstance(arg.value, bool))
    )


def _is_negative(arg: Arg) -> bool:
    return arg.key[:3] in ("no-", "no_")


def _abbreviated(arg: Arg) -> list[str]:
    """Return the flags of which the name is the beginning."""
    return [flag for flag in arg.release.flag_names() if flag.startswith(arg.name)] if arg.release else []


def _instead(arg: Arg) -> str:
    """Say when there was such a flag and what to write for it, else which one may be meant."""
    lives, label = arg.catalogue.lives(arg.name), arg.catalogue.label
    if not lives and (instead := arg.engine.instead.get(arg.name)):
        return instead.help
    if not lives:
        return did_you_mean(arg.name, arg.release.flag_names() if arg.release else arg.catalogue.all_names())
    if arg.release and arg.catalogue.position(lives[0].since) > arg.release.at:
        return f"it appeared in {label(lives[0].since)}"
    gone = lives[-1].gone
    said = f"it was removed in {label(gone)}" if gone else f"it appeared in {label(lives[-1].since)}"
    instead = arg.engine.instead.get(arg.name)
    return f"{said}: {instead.help}" if instead else said
