"""Check variables that an engine reads as flags: llama.cpp's `LLAMA_ARG_…`, and those of Text Embeddings Inference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.catalogues import Kind
from modelgen.engines.environment import OWNED
from modelgen.engines.image_choices import choices_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.catalogues import Catalogue, Flag
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun

_NEGATIVE = "NO_"
_LONG, _NEAR = 10, 2
# OpenTelemetry's own: OTEL_SERVICE_NAME is no misspelt OTLP_SERVICE_NAME.
_OF_OTHERS = "OTEL_"


class _Setting(NamedTuple):
    """A variable of a model, and the flags that it sets in any release."""

    run: ModelRun
    path: Path
    name: str
    flags: frozenset[str]
    catalogue: Catalogue

    @property
    def value(self) -> str:
        """The value as the engine gets it."""
        return self.run.env[self.name]


def _settings(context: Context) -> Iterator[_Setting]:
    """Yield the variables of models whose engine gets its flags as they are written."""
    for name, run in context.runs.items():
        if run.engine is None or run.engine.plain_flags is None or not run.env:
            continue
        catalogue = run.engine.plain_flags()
        for key, path in context.env_paths(name).items():
            yield _Setting(run, path, key, catalogue.flags_of_variables.get(key, frozenset()), catalogue)


@rule("MG249", "bad-flag-variable")
def bad_flag_variable(context: Context) -> Iterator[Found]:
    """A variable that sets a flag, with a value that the flag does not take.

    ## Why
    The engine reads it like the flag. llama.cpp takes the digits at the beginning of a number, so that `16k` means 16
    tokens, and ends without any: "error while handling environment variable". Text Embeddings Inference ends.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    env = { LLAMA_ARG_CTX_SIZE = "16k" }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    env = { LLAMA_ARG_CTX_SIZE = "16384" }
    ```
    """
    for setting in _settings(context):
        release = setting.run.plain_release
        may_be_known = setting.run.is_fork or release is None or release.is_newer
        for name in sorted(setting.flags):
            flag = release.get(name) if release else setting.catalogue.constant(name)
            flag = choices_in(setting.run.image, flag, setting.run.engine)
            if flag is not None and (expected := _expected(flag, setting.value, may_be_known)):
                place = context.document.at_value(*setting.path)
                better = _better(flag, setting.value)
                help_text = f'write `{setting.name} = "{better}"`' if better else f"it sets `{name}` of the engine"
                yield Found(place, f"`{setting.name}` must be {expected}", help_text)
                break


def _expected(flag: Flag, value: str, may_be_known: bool) -> str:  # noqa: FBT001
    """Return what the flag accepts if it does not accept the value; empty if it does, or if it has no value."""
    if flag.kind is Kind.INT and not re.fullmatch(r"\s*[+-]?\d+\s*", value, re.ASCII):
        return "a whole number"
    if flag.kind is Kind.NUMBER and not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
        return "a number"
    if flag.choices and not flag.several and value not in flag.choices and not may_be_known:
        return "one of " + ", ".join(f"`{choice}`" for choice in flag.choices)
    return ""


def _better(flag: Flag, value: str) -> str:
    """Return the value that is probably meant; empty if there is none."""
    if found := re.fullmatch(r"(\d{1,9})\s*[kK]i?", value, re.ASCII):
        return str(int(found[1]) * 1024)
    return next((choice for choice in flag.choices if choice.lower() == value.strip().lower()), "")


@rule("MG250", "flag-and-variable", Severity.WARNING)
def flag_and_variable(context: Context) -> Iterator[Found]:
    """A flag in `args` whose variable is in `env` too.

    ## Why
    The flag counts: llama.cpp logs that the variable "will be overwritten by command line argument", and Text
    Embeddings Inference says nothing.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    env = { LLAMA_ARG_CTX_SIZE = "8192" }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    ```
    """
    for setting in _settings(context):
        for plain in setting.run.plain_arguments:
            if setting.catalogue.canonical(plain.name) in setting.flags:
                place = context.document.at_key(*setting.path)
                message = f"`{setting.name}` has no effect: `{plain.key}` in `args` sets the same"
                yield Found(place, message, f"remove `{setting.name}`")
                break


@rule("MG251", "unknown-flag-variable", Severity.WARNING)
def unknown_flag_variable(context: Context) -> Iterator[Found]:
    """A variable that begins like those of the engine's flags, or nearly has the name of one, and that nothing reads.

    ## Why
    The engine ignores it, and logs nothing. Variables of Text Embeddings Inference have no common beginning, so only
    those that differ from a known one by a letter or two are reported.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    env = { LLAMA_ARG_TREADS = "4" }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384 }
    env = { LLAMA_ARG_THREADS = "4" }
    ```
    """
    for setting in _settings(context):
        engine = setting.run.engine
        prefix = engine.variables if engine else None
        if (
            engine is None
            or prefix is None
            or not setting.name.startswith(prefix)
            or setting.flags
            or setting.run.is_fork
        ):
            continue
        if not prefix:
            if meant := _misspelt(setting, engine.owned_variables):
                message = f"{engine.title} reads no variable `{setting.name}`"
                yield Found(context.document.at_key(*setting.path), message, f"did you mean `{meant}`?")
            continue
        rest = setting.name.removeprefix(prefix)
        known = setting.catalogue.flags_of_variables
        if prefix + rest.removeprefix(_NEGATIVE) in known or setting.name in engine.owned_variables:
            continue
        flag = setting.catalogue.canonical(rest.lower().replace("_", "-"))
        help_text = f"write the flag `{flag}` in `args`" if setting.catalogue.lives(flag) else _meant_variable(setting)
        yield Found(
            context.document.at_key(*setting.path), f"{engine.title} reads no variable `{setting.name}`", help_text
        )


def _meant_variable(setting: _Setting) -> str:
    """Return the variable that is probably meant, of those that the build reads: first one that begins alike."""
    release, every = setting.run.plain_release, setting.catalogue.flags_of_variables
    known = [name for name, flags in every.items() if release is None or any(release.get(flag) for flag in flags)]
    longer = sorted((name for name in known if name.startswith(f"{setting.name}_")), key=lambda name: (len(name), name))
    return f"did you mean `{longer[0]}`?" if longer else did_you_mean(setting.name, sorted(known))


def _misspelt(setting: _Setting, owned: Collection[str]) -> str:
    """Return the variable with nearly the name of this one, or nothing. Short names are all near each other."""
    if setting.name in OWNED or setting.name in owned or setting.name.startswith(_OF_OTHERS):
        return ""
    known = (name for name in sorted(setting.catalogue.flags_of_variables) if len(name) >= _LONG)
    return next((name for name in known if name not in OWNED and _distance(setting.name, name) <= _NEAR), "")


def _distance(one: str, other: str) -> int:
    """Return how many letters must be added, removed or replaced to make one word of the other."""
    if abs(len(one) - len(other)) > _NEAR:
        return _NEAR + 1
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for to, other_letter in enumerate(other, 1):
            before, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, before + (letter != other_letter))
    return row[-1]
