"""Check the values of flags: the type, and the choices of the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.catalogue import Kind
from modelgen.engines.flag_values import mismatch, text_of, whole_number
from modelgen.engines.images import is_release
from modelgen.engines.plain_flags import misfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument

_JSON = (Kind.JSON, Kind.JSON_OR_TEXT)
_BY_PLUGIN = {"gguf": "an image of your own with the package vllm-gguf-plugin"}
# A file with code of one's own may bring names that no release knows.
_PLUGINS = {"tool-call-parser": "tool-parser-plugin", "reasoning-parser": "reasoning-parser-plugin"}


@rule("MG215", "bad-flag-value")
def bad_flag_value(context: Context) -> Iterator[Found]:
    """A value that the flag cannot have: of another type, not one of its choices, no JSON, an empty list.

    ## Why
    The engine's parser refuses it at once, or takes the next flag for the value of one whose list is empty. Types and
    choices are those of the declared version.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = "long" }
    ```

    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, dtype = "fp16" }
    ```

    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enforce-eager = "yes" }
    ```

    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, speculative-config = "{method: ngram}" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = "16k" }
    ```
    """
    for arg in context.args:
        if arg.name in arg.engine.owned_args:
            continue
        if arg.inner and arg.flag and arg.flag.kind not in _JSON:
            place = context.document.at_key(*arg.path)
            yield Found(place, f"`{arg.key}` is a path in JSON, but `{arg.name}` takes none", f"write `{arg.name}`")
        elif not arg.inner and (expected := _expected(arg)) and not is_choice_of_the_future(arg):
            help_text = _better_value(arg)
            yield Found(context.document.at_value(*arg.path), f"`{arg.key}` must be {expected}", help_text)
    for plain in context.plain_args:
        if plain.name not in plain.engine.owned_args and (fault := misfit(plain.engine, plain.value)):
            place = context.document.at_value(*plain.path)
            yield Found(place, f"`{plain.key}` must be {fault[0]}", fault[1])


@rule("MG240", "unknown-value", Severity.WARNING)
def unknown_value(context: Context) -> Iterator[Found]:
    """A value that the release does not bring, of a flag that takes more than the release brings.

    ## Why
    Quantizations, load formats, parsers and backends are open sets: a plugin may add to them. Without one, the engine
    stops after minutes, or every tool call stays a text.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermse" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```
    """
    for arg in context.args:
        if _is_unknown(arg) and not _has_plugin(context, arg) and not _is_of_another_version(context, arg):
            assert arg.flag is not None  # noqa: S101 - an invariant of _is_unknown
            newest = arg.catalogue.names[-1]
            known = f"{arg.engine.title} {newest}, where the data ends," if arg.is_newer else arg.version
            yield Found(
                context.document.at_value(*arg.path),
                f"{known} brings no `{arg.name}` named `{text_of(arg.value)}`",
                _other_version(arg) or did_you_mean(text_of(arg.value), arg.flag.known),
            )


@rule("MG242", "value-of-another-version")
def value_of_another_version(context: Context) -> Iterator[Found]:
    """A quantization, load format, parser or backend that other releases have, but not this one.

    ## Why
    The project's own image brings nothing that its release does not have, so the engine cannot start. `gguf` left vLLM
    in 0.24 (a plugin of its own has it since), `bitsandbytes` in 0.28, five quantizations in 0.15.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, quantization = "bitsandbytes" }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.27.1"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, quantization = "bitsandbytes" }
    ```
    """
    for arg in context.args:
        if is_of_another_version(context, arg):
            way_out = _BY_PLUGIN.get(str(arg.value), "an image of another version")
            yield Found(
                context.document.at_value(*arg.path),
                f"{arg.version} has no `{arg.name}` named `{text_of(arg.value)}`",
                f"{_other_version(arg)}: take another, or {way_out}",
            )


def is_of_another_version(context: Context, arg: Argument) -> bool:
    """Return whether the release does not have a value that others have; `value-of-another-version` says so."""
    return _is_unknown(arg) and _is_of_another_version(context, arg)


def _better_value(arg: Argument) -> str:
    if arg.engine.advice and (advice := arg.engine.advice(arg.name, arg.value)):
        return advice
    choices = arg.flag.choices if arg.flag and isinstance(arg.value, str) else ()
    return _other_version(arg) or (did_you_mean(arg.value, choices, list_known=False) if choices else "")


def _expected(arg: Argument) -> str | None:
    """Return what the value should be, where it is not."""
    if arg.name in arg.engine.parallel_sizes and whole_number(arg.value) is None:
        return "a whole number of at least 1"
    if arg.engine.takes and arg.engine.takes(arg.release, arg.name, arg.value):
        return None
    if arg.flag:
        expected = mismatch(arg.flag, arg.value)
        is_zero = arg.engine.needs_length and arg.name == arg.engine.length and arg.value in (0, "0")
        return "at least 1" if is_zero else expected
    return "a list with one value at least" if arg.value == [] else None


def is_choice_of_the_future(arg: Argument) -> bool:
    """Return whether a value is none of the flag's choices, for a version that may have got more of them."""
    if arg.flag is None or not arg.is_newer or isinstance(arg.value, bool):
        return False
    is_scalar = isinstance(arg.value, str | int | float)
    return is_scalar and bool(arg.flag.choices) and text_of(arg.value) not in arg.flag.choices


def _is_unknown(arg: Argument) -> bool:
    """Compared as text and whatever the case: `block-size` is a number, and backends are written both ways."""
    if arg.flag is None or not arg.flag.known or not isinstance(arg.value, str | int | float):
        return False
    return text_of(arg.value).lower() not in {known.lower() for known in arg.flag.known}


def _is_of_another_version(context: Context, arg: Argument) -> bool:
    image = context.runs[arg.model].image if arg.model else None
    is_published = image is not None and is_release(image) and not _has_plugin(context, arg)
    return is_published and not arg.is_newer and bool(_other_version(arg))


def _has_plugin(context: Context, arg: Argument) -> bool:
    return any(other.name == _PLUGINS.get(arg.name) for other in context.args_of(arg.model))


def _other_version(arg: Argument) -> str:
    """Say when a release had the value, where this one does not."""
    if arg.release is None or not isinstance(arg.value, str | int | float):
        return ""
    value, at = text_of(arg.value), arg.catalogue.position
    having = [name for name, values in arg.catalogue.values(arg.name) if value in values]
    if not having or arg.release.name in having:
        return ""
    if later := [name for name in having if at(name) > arg.release.at]:
        return f"it appeared in {arg.catalogue.label(later[0])}"
    return f"it was removed after {having[-1]}"
