"""What the variables of `env` tables are set to, and which of them an engine reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines import variables, vllm
from modelgen.engines.environment import OWNED
from modelgen.engines.images import is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.versions import Version
    from modelgen.load.locator import Path

_ALLOCATOR = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")
_EXPANDABLE = re.compile(r"expandable_segments\s*:\s*true", re.IGNORECASE)


@rule("MG222", "unknown-variable")
def unknown_variable(context: Context) -> Iterator[Found]:
    """A `VLLM_…` variable that no release of vLLM reads, for vLLM's own image.

    ## Why
    vLLM says "Unknown vLLM environment variable detected" among a thousand lines, and goes on without it.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGING_LEVEL = "DEBUG" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for variable in _of_vllm(context):
        if variable.is_unknown and variable.is_release:
            place = context.document.at_key(*variable.path)
            yield Found(place, f"no vLLM reads `{variable.name}`", did_you_mean(variable.name, variables.readers()))


@rule("MG223", "foreign-variable", Severity.WARNING)
def foreign_variable(context: Context) -> Iterator[Found]:
    """A `VLLM_…` variable that no release of vLLM reads, for an image or a version that may be another's.

    ## Why
    A plugin, a fork or a newer release may read it. If it is a mistake, nobody says so.

    ## Bad
    ```toml
    [engines.vllm]
    image = "registry.example/vllm-ascend:1"
    version = "0.11.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_ASCEND_ENABLE_NZ = "1" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for variable in _of_vllm(context):
        if variable.is_unknown and not variable.is_release:
            place = context.document.at_key(*variable.path)
            newest = f"`{variable.name}` is none of the variables of vLLM, as far as they are known"
            yield Found(place, newest, did_you_mean(variable.name, variables.readers()))


@rule("MG224", "unread-variable")
def unread_variable(context: Context) -> Iterator[Found]:
    """A `VLLM_…` variable that the declared version does not read.

    ## Why
    Variables go with every release as flags do, but silently: `VLLM_ATTENTION_BACKEND`, which one public file in
    twenty sets, does nothing from 0.15 on. Somebody believes in it.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_ATTENTION_BACKEND = "FLASH_ATTN" }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, attention-backend = "FLASH_ATTN" }
    ```
    """
    for variable in _of_vllm(context):
        life = variables.readers().get(variable.name)
        if life is None or variable.version is None or variables.is_read(variable.name, variable.version):
            continue
        said = f"the last that reads it is {life.last}"
        if life.last is None or variable.version.release < variables.first_numbers(variable.name):
            said = f"it appeared in {life.first}"
        instead = variables.INSTEAD.get(variable.name)
        yield Found(
            context.document.at_key(*variable.path),
            f"vLLM {variable.version.text} does not read `{variable.name}`",
            f"{said}: {instead}" if instead else said,
        )


@rule("MG225", "variable-is-flag")
def variable_is_flag(context: Context) -> Iterator[Found]:
    """A variable that is spelt like a flag, and that nothing reads.

    ## Why
    `VLLM_MAX_MODEL_LEN`, `GPU_MEMORY_UTILIZATION` and the like are in every fourteenth public repository. No release
    ever read them: the engine runs with its defaults.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_MAX_NUM_SEQS = "16" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, max-num-seqs = 16 }
    ```
    """
    for variable in _of_vllm(context):
        if flag := variables.flag_meant(variable.name):
            help_text = vllm.OWNED_ARGS.get(flag) or f"it is a flag: write `args.{flag}`"
            yield Found(context.document.at_key(*variable.path), f"nothing reads `{variable.name}`", help_text)


@rule("MG226", "empty-variable")
def empty_variable(context: Context) -> Iterator[Found]:
    """A variable that is set to nothing.

    ## Why
    Set to nothing is not unset: `VLLM_NVFP4_GEMM_BACKEND=` ends vLLM with "Invalid value ''", and an empty key means
    no key at all.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for path, env in context.env_tables():
        for key, value in env.items():
            if not value:
                yield Found(context.document.at_value(*path, key), f"`{key}` is empty", "write a value, or remove it")


@rule("MG227", "quoted-value", Severity.WARNING)
def quoted_value(context: Context) -> Iterator[Found]:
    """A variable whose value begins and ends with a quote.

    ## Why
    The quotes become part of the value. They are often left over from a shell, or from Compose's list form, where they
    are part of the value too.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "'DEBUG'" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for path, env in context.env_tables():
        for key, value in env.items():
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                place = context.document.at_value(*path, key)
                yield Found(
                    place, f"the quotes are part of the value of `{key}`", f"write `{value[1:-1]}` without them"
                )


@rule("MG228", "expandable-segments")
def expandable_segments(context: Context) -> Iterator[Found]:
    """PyTorch's expandable segments on a model that sleeps.

    ## Why
    vLLM's sleep needs a memory pool of its own, and asserts "Expandable segments are not compatible with memory pool"
    (cumem.py). One public repository in twelve sets the variable.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    switch = "sleep"
    args = { max-model-len = 16384 }
    env = { PYTORCH_CUDA_ALLOC_CONF = "expandable_segments:True" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { PYTORCH_CUDA_ALLOC_CONF = "expandable_segments:True" }
    ```
    """
    for variable in _of_vllm(context):
        if variable.name not in _ALLOCATOR or not _EXPANDABLE.search(variable.value):
            continue
        sleeps = context.models[variable.model].switch == "sleep"
        if sleeps or any(arg.name == "enable-sleep-mode" and arg.value for arg in context.args_of(variable.model)):
            place = context.document.at_value(*variable.path)
            yield Found(place, f"`{variable.model}` cannot sleep with expandable segments", "remove it")


@rule("MG229", "idle-variable", Severity.WARNING)
def idle_variable(context: Context) -> Iterator[Found]:
    """A variable about downloads, on an engine that downloads nothing.

    ## Why
    Engines run offline. `HF_HUB_ENABLE_HF_TRANSFER` is moreover ignored by huggingface_hub 1.0 and newer.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { HF_HUB_ENABLE_HF_TRANSFER = "1" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for path, env in context.env_tables():
        for key in env:
            if key in ("HF_HUB_ENABLE_HF_TRANSFER", "HF_XET_HIGH_PERFORMANCE", "HF_HUB_DISABLE_XET"):
                place = context.document.at_key(*path, key)
                yield Found(place, f"`{key}` does nothing: engines download nothing", "remove it")


class _Variable(NamedTuple):
    """A variable of one vllm model, and where it was written."""

    model: str
    path: Path
    name: str
    value: str
    version: Version | None
    is_release: bool

    @property
    def is_unknown(self) -> bool:
        """Whether it is spelt as vLLM's, and no release reads it."""
        is_ours = self.name.startswith(variables.PREFIX) and self.name not in OWNED
        return is_ours and self.name not in variables.readers() and not variables.flag_meant(self.name)


def _of_vllm(context: Context) -> Iterator[_Variable]:
    """Yield the variables of every vllm model, those of `[engines.vllm]` and `[defaults]` too."""
    document = context.document
    table = (document.config.engines or {}).get(vllm.NAME)
    for name, model in context.of_engine(vllm.NAME):
        if not (model.env or (table and table.env)):
            continue
        resolved = context.resolved[name]
        is_newer = resolved.version is not None and variables.is_newer(resolved.version)
        is_published = resolved.image is not None and is_release(resolved.image) and not is_newer
        of_engine = {key: ("engines", vllm.NAME, "env", key) for key in (table and table.env) or {}}
        of_model = {key: document.origin(name, "env", key) for key in model.env or {}}
        values = {**((table and table.env) or {}), **(model.env or {})}
        for key, path in (of_engine | of_model).items():
            yield _Variable(name, path, key, values[key], resolved.version, is_published)
