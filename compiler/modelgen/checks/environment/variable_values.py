"""Check the values in `env` tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.environment.known_variables import known_variables
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

_ALLOCATOR = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")
_EXPANDABLE = re.compile(r"expandable_segments\s*:\s*true", re.IGNORECASE)


@rule("MG226", "empty-variable")
def empty_variable(context: Context) -> Iterator[Found]:
    """A variable with an empty value.

    ## Why
    An empty variable is not an unset one: `VLLM_NVFP4_GEMM_BACKEND=` ends vLLM with "Invalid value ''", and an empty
    API key means no key at all.

    ## Bad
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for path, key, value in context.entries("env"):
        if not value:
            yield Found(context.document.at_value(*path), f"`{key}` is empty", "write a value, or remove it")


@rule("MG227", "quoted-value", Severity.WARNING)
def quoted_value(context: Context) -> Iterator[Found]:
    """A variable whose value begins and ends with a quote.

    ## Why
    The quotes become part of the value. They often come from a shell script, or from Compose's list form, where they
    are part of the value as well.

    ## Bad
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "'DEBUG'" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for path, key, value in context.entries("env"):
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            place = context.document.at_value(*path)
            yield Found(place, f"the quotes are part of the value of `{key}`", f"write `{value[1:-1]}` without them")


@rule("MG228", "expandable-segments")
def expandable_segments(context: Context) -> Iterator[Found]:
    """PyTorch's expandable segments on a model that sleeps.

    ## Why
    vLLM's sleep mode needs a memory pool of its own, and fails with "Expandable segments are not compatible with memory
    pool" (cumem.py). One in twelve public repositories sets the variable.

    ## Bad
    ```toml
    [models.qwen]
    switch = "sleep"
    env = { PYTORCH_CUDA_ALLOC_CONF = "expandable_segments:True" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { PYTORCH_CUDA_ALLOC_CONF = "expandable_segments:True" }
    ```
    """
    for variable in known_variables(context):
        if variable.name not in _ALLOCATOR or not _EXPANDABLE.search(variable.value):
            continue
        sleeps = context.models[variable.model].switch == "sleep"
        if sleeps or any(arg.name == "enable-sleep-mode" and arg.value for arg in context.args_of(variable.model)):
            place = context.document.at_value(*variable.path)
            yield Found(place, f"`{variable.model}` cannot sleep with expandable segments", f"remove `{variable.name}`")


@rule("MG229", "idle-variable", Severity.WARNING)
def idle_variable(context: Context) -> Iterator[Found]:
    """A variable about downloads, for an engine that downloads nothing.

    ## Why
    Engines run offline. huggingface_hub 1.0 and newer also ignore `HF_HUB_ENABLE_HF_TRANSFER`.

    ## Bad
    ```toml
    [models.qwen]
    env = { HF_HUB_ENABLE_HF_TRANSFER = "1" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = {}
    ```
    """
    for path, key, _ in context.entries("env"):
        if key in ("HF_HUB_ENABLE_HF_TRANSFER", "HF_XET_HIGH_PERFORMANCE", "HF_HUB_DISABLE_XET"):
            place = context.document.at_key(*path)
            yield Found(place, f"`{key}` has no effect: engines download nothing", "remove it")
