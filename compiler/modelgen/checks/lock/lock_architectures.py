"""Check the architecture of locked models against the models that the engine's release serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.engines.releases import release_image
from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import architectures
from modelgen.engines.images.properties import kind_of
from modelgen.engines.images.versions import parse_version
from modelgen.engines.weights.model_config import brings_code, counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.catalogues.models import Models, Served
    from modelgen.resolve import ModelRun

# Flags of vLLM for images, audio and video (config/multimodal.py of 0.8.5 to 0.33.0).
_FOR_MEDIA = frozenset(
    {"limit-mm-per-prompt", "mm-processor-kwargs", "mm-processor-cache-gb", "mm-encoder-tp-mode", "media-io-kwargs"}
    | {"interleave-mm-strings", "skip-mm-profiling", "video-pruning-rate", "disable-mm-preprocessor-cache"}
)
_GENERATORS = ("ForCausalLM", "ForConditionalGeneration")
# Selects other code than the engine's own.
_OTHER_CODE = "model-impl"
_OTHER_CONFIG = "params.json"


@rule("MG526", "unsupported-architecture", Severity.WARNING)
@as_one("have architectures that the release in their image does not serve")
def unsupported_architecture(context: Context) -> Iterator[tuple[str, Found]]:
    """A model whose architecture the engine's release does not serve, although another release does.

    ## Why
    The engine stops after its start: "Model architectures ['Gemma4ForConditionalGeneration'] are not supported for
    now", or "Transformers does not recognize this architecture". Some models still run through Transformers, more
    slowly and with fewer features. The data comes from the sources of each release.

    ## Bad
    ```toml
    [models.gemma]
    image = "vllm/vllm-openai:v0.11.0"
    repo = "google/gemma-4-31B-it"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "google/gemma-4-31B-it"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4"}'
    ```

    ## Good
    ```toml
    [models.gemma]
    image = "vllm/vllm-openai:v0.19.0"
    repo = "google/gemma-4-31B-it"
    args = { max-model-len = 16384 }
    ```
    """
    for name, run, names, models in _served(context):
        version = run.version
        runs_own = bool(run.model.trust_remote_code) and brings_code(context.configs[name])
        # vLLM reads params.json of repositories in Mistral's form, which names another architecture.
        is_other = _OTHER_CONFIG in context.locked[name].by_path or not _counts(run)
        if version is None or run.is_fork or runs_own or is_other or _OTHER_CODE in run.args:
            continue
        # vLLM derives further architectures from generators: `XForSequenceClassification` of `XForCausalLM`.
        others = [models.unserved(one, version) if one.endswith(_GENERATORS) else None for one in names]
        found = next((other for other in others if other), None)
        if found is not None and all(others):
            title = run.engine.title if run.engine else ""
            place = context.document.at_value(*run.place) if run.place else context.at_origin(name, "repo")
            message = f"{title} {version.text} does not serve {names[0]}, the architecture of {run.model.repo}"
            yield name, Found(place, message, _other_image(context, run, found))


@rule("MG536", "unsupported-model-type")
def unsupported_model_type(context: Context) -> Iterator[Found]:
    """A model of a type that the release in an image of TEI for GPUs does not serve.

    ## Why
    TEI ends with "Model is not supported", and the variants that it knows. The types are those in
    backends/candle/src/lib.rs of each release. Images for processors are not checked, since they try ONNX files first.

    ## Bad
    ```toml
    [models.gemma]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:cuda-1.7"
    repo = "google/embeddinggemma-300m"
    gpus = ["gpu0"]
    gpu_memory = "4GiB"
    ```

    ```lock
    [[snapshots]]
    repo = "google/embeddinggemma-300m"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Gemma3TextModel"], "model_type": "gemma3_text"}'
    ```

    ## Good
    ```toml
    [models.gemma]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:cuda-1.9"
    repo = "google/embeddinggemma-300m"
    gpus = ["gpu0"]
    gpu_memory = "4GiB"
    ```
    """
    for name, config in context.configs.items():
        run, written = context.runs[name], config.get("model_type")
        types = run.engine.model_types if run.engine else None
        is_for_gpus = run.image is not None and kind_of(run.image) == "nvidia"
        if types is None or run.version is None or run.is_fork or not is_for_gpus or not isinstance(written, str):
            continue
        if types.serves(written, run.version) is False:
            title = run.engine.title if run.engine else ""
            place = context.document.at_value(*run.place) if run.place else context.at_origin(name, "repo")
            message = f"{title} {run.version.text} serves no models of the type `{written}`, which {run.model.repo} has"
            other = types.unserved(written, run.version)
            types_now = ", ".join(types.served_by_newest())
            use_other = f"use another engine, or a model of one of the types {types_now}"
            yield Found(place, message, _other_image(context, run, other) if other else use_other)


@rule("MG525", "media-flag-for-text", Severity.WARNING)
def media_flag_for_text(context: Context) -> Iterator[Found]:
    """A flag for images, audio or video, for a model that accepts only text.

    ## Why
    vLLM until 0.9 stops with "`limit_mm_per_prompt` is only supported for multimodal models". Newer releases ignore the
    flag. Often the repository of the text model was meant to be that of the model with vision.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384, limit-mm-per-prompt = { image = 2 } }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for name, run, names, models in _served(context):
        if run.is_fork or not _counts(run) or not all(map(models.is_text_only, names)):
            continue
        for arg in context.args_of(name):
            if arg.name in _FOR_MEDIA and arg.is_known and arg.value not in (False, 0):
                yield Found(
                    context.document.at_key(*arg.path),
                    f"`{arg.key}` is for multimodal models, but {run.model.repo} accepts only text ({names[0]})",
                    "remove it, or set `repo` to a model with vision or audio",
                )


def _counts(run: ModelRun) -> bool:
    """Return whether the engine uses the config.json in the lock."""
    return run.engine is not None and counts(run.engine, run.args)


def _served(context: Context) -> Iterator[tuple[str, ModelRun, list[str], Models]]:
    """Yield the locked models whose architecture and engine's models are known."""
    for name, config in context.configs.items():
        run, names = context.runs[name], architectures(config)
        if run.engine is not None and run.engine.models is not None and names and "speculators_config" not in config:
            yield name, run, names, run.engine.models


def _other_image(context: Context, run: ModelRun, found: Served) -> str:
    """Return which release to use: a later one that serves the architecture, or the last that did."""
    release = found.since or found.last or ""
    which = f"{release} is the first that does" if found.since else f"{release} is the last that did"
    image = None
    if run.engine is not None and run.image is not None:
        image = release_image(context.document.config.host, run.engine, run.image.name, parse_version(release))
        written = run.version.text if run.version else ""
        if run.engine.model_types is not None and written and written in (run.image.tag or ""):
            image = f"{run.image.name}:{(run.image.tag or '').replace(written, release)}"
    return (
        f'write `image = "{image}"`: {which}' if image else f"use an image of {release}: it {which[len(release) + 1 :]}"
    )
