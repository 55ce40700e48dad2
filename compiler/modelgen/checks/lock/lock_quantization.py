"""Check the quantization of checkpoints against the flag, and against what the engine's release loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.checks.engines.releases import release_image
from modelgen.diagnostics import Found, rule
from modelgen.engines.images.properties import is_release, kind_of
from modelgen.engines.images.versions import parse_version
from modelgen.engines.weights import quantizations
from modelgen.engines.weights.model_config import counts, quantization
from modelgen.engines.weights.schemes import in_words, kind_of_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.checks.context import Context
    from modelgen.engines.images.versions import Version
    from modelgen.resolve import ModelRun

_DTYPES = {"half": "float16", "float16": "float16", "bfloat16": "bfloat16", "float": "float32", "float32": "float32"}


@rule("MG570", "quantization-mismatch")
def quantization_mismatch(context: Context) -> Iterator[Found]:
    """A `quantization` that is not the one of the checkpoint.

    ## Why
    vLLM and SGLang stop: "Quantization method specified in the model config (awq) does not match the quantization
    method specified in the `quantization` argument (gptq)", or "Cannot find the config file for awq" for a checkpoint
    that is not quantized. Without the flag, they take the method of the checkpoint, with the best kernels for the GPU.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-AWQ"
    args = { max-model-len = 16384, quantization = "gptq" }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B-AWQ"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"quantization_config": {"quant_method": "awq", "bits": 4}}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-AWQ"
    args = { max-model-len = 16384, quantization = "awq_marlin" }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B-AWQ"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"quantization_config": {"quant_method": "awq", "bits": 4}}'
    ```
    """
    for name, config in context.configs.items():
        run, method = context.runs[name], quantizations.method_of(config)
        files = {file.path for file in context.locked[name].files}
        for arg in context.args_of(name):
            is_read = config and arg.name == arg.engine.quantization and not arg.inner and not run.is_fork
            if not is_read or not isinstance(arg.value, str) or not counts(arg.engine, run.args):
                continue
            if quantizations.is_at_odds(method, arg.value):
                kind = f"quantized as {method}"
            elif quantizations.lacks_quantization(config, arg.value, files):
                kind = "not quantized"
            else:
                continue
            yield Found(
                context.document.at_value(*arg.path),
                f"`{arg.key}` is `{arg.value}`, but {run.model.repo} is {kind}",
                f"remove `{arg.key}`: {arg.engine.title} reads the quantization from the checkpoint",
            )


@rule("MG571", "unknown-quantization")
def unknown_quantization(context: Context) -> Iterator[Found]:
    """A checkpoint whose quantization the engine's release does not load.

    ## Why
    vLLM stops: "Unknown quantization method: exl2". Releases add and remove methods: `mxfp4` of gpt-oss came in 0.10.1,
    `bitsandbytes` left in 0.28. Checkpoints for MLX and ExLlama are for other programs.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.0"

    [models.oss]
    repo = "openai/gpt-oss-20b"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/gpt-oss-20b"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"quantization_config": {"quant_method": "mxfp4"}}'
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"

    [models.oss]
    repo = "openai/gpt-oss-20b"
    args = { max-model-len = 16384 }
    ```
    """
    host = context.document.config.host
    for name, config in context.configs.items():
        run, method = context.runs[name], quantizations.method_of(config)
        if run.engine is None or not run.engine.quantization or run.is_fork or not counts(run.engine, run.args):
            continue
        if program := quantizations.foreign_program(config):
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is quantized for {program}, which {run.engine.title} does not load",
                "use a checkpoint in another format, such as FP8 or AWQ",
            )
        elif _is_refused_on_amd(run, method):
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is quantized as {_in_words(method, config)}, which {run.engine.title} "
                f"{run.version.text if run.version else ''} does not load on AMD's GPUs",
                "use a checkpoint in another format, such as AWQ or GPTQ",
            )
        elif (version := run.version) is not None and (found := _other_releases(run, version, method)):
            when, release = found
            image = release and run.image and release_image(host, run.engine, run.image.name, parse_version(release))
            other = "use a checkpoint in another format, such as FP8 or AWQ"
            title = f"{run.engine.title} {version.text}"
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is quantized as {method}, which {title} does not load{when}",
                f'write `image = "{image}"`, or {other}' if image else other,
            )


@rule("MG575", "dtype-of-quantization")
def dtype_of_quantization(context: Context) -> Iterator[Found]:
    """A `dtype` that the quantization does not take.

    ## Why
    vLLM stops: "torch.float16 is not supported for quantization method mxfp4. Supported dtypes: [torch.bfloat16]".
    Until 0.12, AWQ and GPTQ take float16 only, unless the kernels of Marlin load them.

    ## Bad
    ```toml
    [models.oss]
    repo = "openai/gpt-oss-20b"
    args = { max-model-len = 16384, dtype = "half" }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/gpt-oss-20b"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"quantization_config": {"quant_method": "mxfp4"}}'
    ```

    ## Good
    ```toml
    [models.oss]
    repo = "openai/gpt-oss-20b"
    args = { max-model-len = 16384, dtype = "bfloat16" }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/gpt-oss-20b"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"quantization_config": {"quant_method": "mxfp4"}}'
    ```
    """
    for name, run in context.runs.items():
        if run.engine is None or run.engine.only_dtype is None or run.version is None or run.is_fork:
            continue
        written = run.args.get(run.engine.quantization)
        own = quantizations.method_of(context.configs.get(name, {}))
        # Without the flag, a checkpoint of AWQ or GPTQ gets other kernels.
        method = written if isinstance(written, str) else "" if quantizations.has_kernels(own) else own
        only = run.engine.only_dtype(run.version, method)
        for arg in context.args_of(name):
            is_read = arg.name == run.engine.dtype and counts(run.engine, run.args)
            dtype = _DTYPES.get(str(arg.value)) if is_read else None
            if only and dtype and dtype != only:
                yield Found(
                    context.document.at_value(*arg.path),
                    f"{arg.version} does not support {dtype} for {method}",
                    f'write `{arg.key} = "{only}"`, or remove it',
                )


def _in_words(method: str, config: Mapping[str, Any]) -> str:
    kind = kind_of_checkpoint(method, quantization(config))
    return in_words(kind) if kind else method


def _is_refused_on_amd(run: ModelRun, method: str) -> bool:
    """Return whether a model's image is for AMD's GPUs, and its release refuses a method there."""
    if run.engine is None or run.engine.amd_refuses is None or run.version is None or run.image is None:
        return False
    return kind_of(run.image) == "amd" and run.engine.amd_refuses(run.version, method)


def _other_releases(run: ModelRun, version: Version, method: str) -> tuple[str, str] | None:
    """Return when releases have a method, and one that has it; None if a model's published release loads it."""
    engine = run.engine
    is_published = run.image is not None and is_release(run.image)
    if engine is None or engine.catalogue is None or not is_published or not quantizations.is_compared(method):
        return None
    since = engine.quantizations_since
    if since is None or version.release < since or method in engine.other_quantizations:
        return None
    catalogue = engine.catalogue()
    release = catalogue.release(version)
    having = [name for name, values in catalogue.values(engine.quantization) if method in values]
    if release.is_newer or release.name in having:
        return None
    if later := next((name for name in having if catalogue.position(name) > release.at), ""):
        return f"; it appeared in {catalogue.label(later)}", later
    return (f"; it was removed after {having[-1]}", having[-1]) if having else ("", "")
