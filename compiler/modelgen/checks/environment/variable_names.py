"""Check the names in `env` tables: whether the engine reads the variable."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from modelgen.checks.environment.known_variables import known_variables
from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.environment import OWNED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.checks.environment.known_variables import Variable


@rule("MG222", "unknown-variable")
def unknown_variable(context: Context) -> Iterator[Found]:
    """A `VLLM_…` variable that no release of vLLM reads, with an image of the vLLM project.

    ## Why
    vLLM logs "Unknown vLLM environment variable detected" among a thousand other lines, and continues without it.

    ## Bad
    ```toml
    [models.qwen]
    env = { VLLM_LOGING_LEVEL = "DEBUG" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for variable in known_variables(context):
        if variable.is_unknown and variable.is_release:
            place = context.document.at_key(*variable.path)
            yield Found(
                place,
                f"no release of {variable.engine.title} reads `{variable.name}`",
                _meant(variable),
            )


@rule("MG223", "foreign-variable", Severity.WARNING)
def foreign_variable(context: Context) -> Iterator[Found]:
    """A `VLLM_…` variable that no known release of vLLM reads, with another image or a newer version.

    ## Why
    A plugin, a fork or a newer release may read it. If it is a typing error, no message reports it.

    ## Bad
    ```toml
    [engines.vllm]
    image = "registry.example/vllm-ascend:1"
    version = "0.11.0"

    [models.qwen]
    env = { VLLM_ASCEND_ENABLE_NZ = "1" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for variable in known_variables(context):
        if variable.is_unknown and not variable.is_release:
            place = context.document.at_key(*variable.path)
            newest = f"`{variable.name}` is not among the known variables of {variable.engine.title}"
            yield Found(place, newest, _meant(variable) or "check the spelling, or keep it if this image reads it")


@rule("MG224", "unread-variable")
def unread_variable(context: Context) -> Iterator[Found]:
    """A `VLLM_…` variable that the declared version does not read.

    ## Why
    Releases remove variables as they remove flags, but without an error: `VLLM_ATTENTION_BACKEND`, which one in thirty
    public repositories sets, has no effect since 0.15.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"

    [models.qwen]
    env = { VLLM_ATTENTION_BACKEND = "FLASH_ATTN" }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"

    [models.qwen]
    args = { max-model-len = 16384, attention-backend = "FLASH_ATTN" }
    ```
    """
    for variable in known_variables(context):
        life = variable.known.readers.get(variable.name)
        if (
            life is None
            or variable.version is None
            or variable.is_owned
            or variable.known.is_read(variable.name, variable.version)
        ):
            continue
        said = f"the last release that reads it is {life.last}"
        if life.last is None or variable.version.release < variable.known.first_numbers(variable.name):
            said = f"it appeared in {life.first}"
        instead = variable.known.instead.get(variable.name)
        yield Found(
            context.document.at_key(*variable.path),
            f"{variable.engine.title} {variable.version.text} does not read `{variable.name}`",
            f"{said}; {_with_value(instead.help, variable.value)}" if instead else f"remove it: {said}",
        )


@rule("MG225", "variable-is-flag")
def variable_is_flag(context: Context) -> Iterator[Found]:
    """A variable that is named like a flag or another variable, and that nothing reads.

    ## Why
    `VLLM_MAX_MODEL_LEN`, `GPU_MEMORY_UTILIZATION` and the like are in one of ten public repositories. No release ever
    read them, so the engine runs with its defaults.

    ## Bad
    ```toml
    [models.qwen]
    env = { VLLM_MAX_NUM_SEQS = "16" }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, max-num-seqs = 16 }
    ```
    """
    for variable in known_variables(context):
        if meant := variable.known.meant.get(variable.name):
            yield Found(context.document.at_key(*variable.path), f"nothing reads `{variable.name}`", f"write `{meant}`")
        elif flag := variable.known.flag_meant(variable.name):
            owned = variable.engine.owned_args.get(flag)
            help_text = owned or f"it is a flag: {_with_value(f'write `{flag}` in `args`', variable.value)}"
            yield Found(context.document.at_key(*variable.path), f"nothing reads `{variable.name}`", help_text)


def _with_value(instead: str, value: str) -> str:
    """Return the advice to write a flag, with the value of the variable in it."""
    written = value if re.fullmatch(r"\d{1,18}", value) else json.dumps(value, ensure_ascii=False)
    return re.sub(r"write `([a-z0-9-]+)` in `args`", lambda found: f"write `{found[1]} = {written}` in `args`", instead)


def _meant(variable: Variable) -> str:
    """Suggest a variable of the engine with a similar name."""
    return did_you_mean(variable.name, {*variable.known.readers} - {*OWNED}, list_known=False)
