"""Check the values of flags: the type, and the choices of the version."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.checks.engines.releases import release_image
from modelgen.checks.flags.plain_values import plain_fault
from modelgen.config.familiar_names import VALUES
from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.catalogues import Kind
from modelgen.engines.flags import is_unlisted, mismatch, text_of, whole_number
from modelgen.engines.images.properties import is_release
from modelgen.engines.images.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument

_NUMBERS = (Kind.INT, Kind.LENGTH, Kind.IEC_LENGTH)
_SUCH = "write such a value, or leave it out: the engine then takes its default"
_JSON = (Kind.JSON, Kind.JSON_OR_TEXT)
_BY_PLUGIN = {"gguf": "build an image with the package vllm-gguf-plugin"}
# A file with the user's code can add names that no release has.
PLUGINS = {"tool-call-parser": "tool-parser-plugin", "reasoning-parser": "reasoning-parser-plugin"}
"""Flag for a parser → the flag for a file that can add further parsers."""


@rule("MG215", "bad-flag-value")
def bad_flag_value(context: Context) -> Iterator[Found]:
    """A value that the flag does not accept: wrong type, not one of its choices, invalid JSON, an empty list.

    ## Why
    The engine's parser refuses the value at once. After an empty list, it takes the next flag for the value. Types and
    choices are those of the declared version.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = "long" }
    ```

    ```toml
    [models.qwen]
    args = { max-model-len = 16384, dtype = "fp16" }
    ```

    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enforce-eager = "yes" }
    ```

    ```toml
    [models.qwen]
    args = { max-model-len = 16384, speculative-config = "{method: ngram}" }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = "16k" }
    ```
    """
    for arg in context.args:
        if arg.name in arg.engine.owned_args:
            continue
        if arg.inner and arg.flag and arg.flag.kind not in _JSON:
            place = context.document.at_key(*arg.path)
            yield Found(place, f"`{arg.key}` is a JSON path, but `{arg.name}` takes no JSON", f"write `{arg.name}`")
        elif not arg.inner and (expected := _expected(context, arg)) and not is_unverified_choice(arg):
            help_text = better_value(arg) or _SUCH
            yield Found(context.document.at_value(*arg.path), f"`{arg.key}` must be {expected}", help_text)
    for plain in context.plain_args:
        if (fault := plain_fault(plain)) and plain.name not in plain.engine.owned_args:
            place = context.document.at_value(*plain.path)
            yield Found(place, f"`{plain.key}` must be {fault[0]}", fault[1] or _SUCH)


@rule("MG240", "unknown-value", Severity.WARNING)
def unknown_value(context: Context) -> Iterator[Found]:
    """A value that this release does not have, for a flag that plugins can extend.

    ## Why
    Plugins can add quantizations, load formats, parsers and backends. Without the plugin, the engine stops after
    minutes, or returns every tool call as text.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermse" }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```
    """
    for arg in context.args:
        if _is_unknown(arg) and not _has_plugin(context, arg) and not _is_of_another_version(context, arg):
            assert arg.flag is not None  # noqa: S101 - an invariant of _is_unknown
            newest = arg.catalogue.names[-1]
            known = f"{arg.engine.title} {newest}, where modelgen's data ends," if arg.is_newer else arg.version
            yield Found(
                context.document.at_value(*arg.path),
                f"{known} has no `{arg.name}` named `{text_of(arg.value)}`",
                _other_version(arg) or did_you_mean(text_of(arg.value), arg.flag.known),
            )

    for plain in context.plain_args:
        names, value = plain.engine.named_values.get(plain.name, ()), plain.value
        is_name = isinstance(value, str) and value not in names and re.fullmatch(r"[\w.-]+", value)
        if is_name and not plain.may_be_known and (meant := did_you_mean(value, names, list_known=False)):
            message = f"{plain.version} has no `{plain.name}` named `{value}`"
            yield Found(context.document.at_value(*plain.path), message, meant)


@rule("MG242", "value-of-another-version")
def value_of_another_version(context: Context) -> Iterator[Found]:
    """A quantization, load format, parser or backend that only other releases have.

    ## Why
    The project's own image has only the values of its release, so the engine cannot start. vLLM removed `gguf` in 0.24
    (a plugin provides it since), `bitsandbytes` in 0.28, and five quantizations in 0.15.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.qwen]
    args = { max-model-len = 16384, quantization = "bitsandbytes" }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.27.1"

    [models.qwen]
    args = { max-model-len = 16384, quantization = "bitsandbytes" }
    ```
    """
    for arg in context.args:
        if is_of_another_version(context, arg):
            way_out = _BY_PLUGIN.get(str(arg.value)) or _image_with(context, arg)
            yield Found(
                context.document.at_value(*arg.path),
                f"{arg.version} has no `{arg.name}` named `{text_of(arg.value)}`",
                f"{_other_version(arg)}: write another value, or {way_out}",
            )


def _image_with(context: Context, arg: Argument) -> str:
    """Return which image has the value: of the first release that does, or of the last that did."""
    run, version = context.runs[arg.model], parse_version(_with_value(arg) or "")
    image = None
    if run.engine is not None and run.image is not None and version is not None:
        image = release_image(context.document.config.host, run.engine, run.image.name, version)
    return f"use the image `{image}`" if image else "use an image of another version"


def is_of_another_version(context: Context, arg: Argument) -> bool:
    """Return whether other releases have a value, and this one does not (`value-of-another-version`)."""
    return _is_unknown(arg) and _is_of_another_version(context, arg)


def better_value(arg: Argument) -> str:
    """Return what to write instead of a value that a flag does not take; empty if nothing is near."""
    if arg.engine.advice and (advice := arg.engine.advice(arg.name, arg.value)):
        return advice
    if meant := _meant(arg):
        return f"write `{arg.key} = {meant}`"
    choices = arg.flag.choices if arg.flag and isinstance(arg.value, str) else ()
    if longer := [one for one in choices if one.startswith(f"{str(arg.value).lower()}_")]:
        return f'write `{arg.key} = "{longer[-1]}"`'
    return _other_version(arg) or (did_you_mean(arg.value, choices, list_known=False) if choices else "")


def _meant(arg: Argument) -> str:
    """Return the value that is probably meant, as TOML; an empty string if there is none."""
    text, flag = str(arg.value).strip().lower(), arg.flag
    if flag is None or not isinstance(arg.value, str | int):
        return ""
    if flag.kind in (Kind.BOOL, Kind.FLAG, Kind.TRUTHY):
        return next((word for word in VALUES.get(text, ()) if word in ("true", "false")), "")
    if flag.kind in _NUMBERS and re.fullmatch(r"[1-9]\d{0,2}(?:[,_ ]\d{3})+|[1-9]\d{0,17}", text):
        return _number_of(int(re.sub(r"\D", "", text)), _choices_of(arg))
    return next((f'"{word}"' for word in VALUES.get(text, ()) if word in flag.choices), "")


def _number_of(meant: int, choices: Iterable[str]) -> str:
    """Return a number that the flag accepts: of its choices, the next larger one, or the largest."""
    numbers = sorted(int(choice) for choice in choices if choice.isdecimal())
    return str(next((number for number in numbers if number >= meant), numbers[-1] if numbers else meant))


def _choices_of(arg: Argument) -> tuple[str, ...]:
    """Return the values that a flag accepts, in its parser or, for adapters, when the engine reads its settings."""
    if arg.flag is None or arg.flag.choices or arg.engine.adapter_choices is None:
        return arg.flag.choices if arg.flag else ()
    return arg.engine.adapter_choices(arg.name)


def _expected(context: Context, arg: Argument) -> str | None:
    """Return a description of the values that the flag accepts if it does not accept this one."""
    if arg.name in arg.engine.parallel_sizes and whole_number(arg.value) is None:
        return "a whole number of at least 1"
    if arg.engine.takes and arg.engine.takes(arg.release, arg.name, arg.value):
        return None
    if arg.flag:
        # The choices of the engine's settings for adapters count only with an adapter.
        has_adapters = bool(arg.model and context.models[arg.model].loras)
        expected = mismatch(replace(arg.flag, choices=_choices_of(arg)) if has_adapters else arg.flag, arg.value)
        is_zero = arg.engine.needs_length and arg.name == arg.engine.length and arg.value in (0, "0")
        return "at least 1" if is_zero else expected
    return "a list with at least one value" if arg.value == [] else None


def is_unverified_choice(arg: Argument) -> bool:
    """Return whether a value is not among the flag's choices, for an image that may have added it."""
    if arg.flag is None or not arg.may_be_known or isinstance(arg.value, bool):
        return False
    is_scalar = isinstance(arg.value, str | int | float)
    return is_scalar and bool(arg.flag.choices) and text_of(arg.value) not in arg.flag.choices


def _is_unknown(arg: Argument) -> bool:
    return arg.flag is not None and is_unlisted(arg.flag, arg.value)


def _is_of_another_version(context: Context, arg: Argument) -> bool:
    image = context.runs[arg.model].image if arg.model else None
    is_published = image is not None and is_release(image) and not _has_plugin(context, arg)
    return is_published and not arg.may_be_known and bool(_other_version(arg))


def _has_plugin(context: Context, arg: Argument) -> bool:
    return any(other.name == PLUGINS.get(arg.name) for other in context.args_of(arg.model))


def _other_version(arg: Argument) -> str:
    """Return which releases have the value if this one does not, else an empty string."""
    if arg.release is None or not isinstance(arg.value, str | int | float):
        return ""
    other = _with_value(arg)
    if other is None:
        return ""
    if arg.catalogue.position(other) > arg.release.at:
        return f"it appeared in {arg.catalogue.label(other)}"
    return f"it was removed after {other}"


def _with_value(arg: Argument) -> str | None:
    """Return the first later release that has a value, else the last that had it; None if this one has it."""
    if arg.release is None:
        return None
    at, now = arg.catalogue.position, arg.release.at
    having = [name for name, values in arg.catalogue.values(arg.name) if text_of(arg.value) in values]
    if not having or arg.release.name in having:
        return None
    return next((name for name in having if at(name) > now), having[-1])
