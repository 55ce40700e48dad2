"""Check that models are served for their purpose: scores, embeddings, transcriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import architectures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.images.versions import Image, Version
    from modelgen.source import Span

_GENERATES = ("ForCausalLM", "ForConditionalGeneration")
_RERANKER = "rerank"
_POOLING, _POOLING_MODULE = "pooling", "1_Pooling/config.json"
# Flags that say what a model is for, in any way.
_SAID = ("hf-overrides", "task", "convert")


@rule("MG521", "reranker-as-generator", Severity.WARNING)
def reranker_as_generator(context: Context) -> Iterator[Found]:
    """A reranker that is stored like a generator, without the flag that makes vLLM return scores.

    ## Why
    The config.json of Qwen3-Reranker and of some others names the architecture of a chat model. vLLM then serves
    /v1/chat/completions, and /v1/rerank and /score do not exist or return similarities that mean nothing.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.rerank]
    repo = "Qwen/Qwen3-Reranker-0.6B"
    args = { max-model-len = 8192 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-Reranker-0.6B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen3ForCausalLM"]}'
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"

    [models.rerank]
    repo = "Qwen/Qwen3-Reranker-0.6B"

    [models.rerank.args]
    max-model-len = 8192
    runner = "pooling"

    [models.rerank.args.hf-overrides]
    architectures = ["Qwen3ForSequenceClassification"]
    classifier_from_token = ["no", "yes"]
    is_original_qwen3_reranker = true
    ```
    """
    for name, config in context.configs.items():
        run, names = context.runs[name], architectures(config)
        if run.engine is None or run.engine.scoring_flag is None or run.is_fork or not names:
            continue
        is_reranker = _RERANKER in (run.model.repo or "").rpartition("/")[2].lower()
        is_said = any(flag.partition(".")[0] in _SAID for flag in run.args) or run.args.get("runner") == "generate"
        if is_reranker and not is_said and all(map(_generates, names)):
            flag = run.engine.scoring_flag(run.version, names[0])
            otherwise = "write `hf-overrides` in `args` as the model's card says for vLLM"
            yield Found(
                context.at_origin(name, "repo"),
                f"{run.model.repo} is a reranker, but its config.json makes {run.engine.title} generate text "
                f"({names[0]})",
                f"write `{flag}` in `args`" if flag else otherwise,
            )


@rule("MG522", "embedding-as-generator", Severity.WARNING)
def embedding_as_generator(context: Context) -> Iterator[Found]:
    """An embedding model on SGLang without `is-embedding`.

    ## Why
    SGLang recognizes an embedding model by its architecture. Models such as Qwen3-Embedding have the architecture of a
    chat model, so SGLang serves them as one and refuses requests to /v1/embeddings.

    ## Bad
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.embed]
    engine = "sglang"
    repo = "Qwen/Qwen3-Embedding-0.6B"
    gpus = ["gpu0"]
    args = { context-length = 8192 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-Embedding-0.6B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [
      { path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" },
      { path = "modules.json", size = 349, blob = "0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a5b1e" },
    ]
    config = '{"architectures": ["Qwen3ForCausalLM"]}'
    ```

    ## Good
    ```toml
    [engines.sglang]
    image = "lmsysorg/sglang:v0.5.9"

    [models.embed]
    engine = "sglang"
    repo = "Qwen/Qwen3-Embedding-0.6B"
    gpus = ["gpu0"]
    args = { context-length = 8192, is-embedding = true }
    ```
    """
    for name, entry in context.locked.items():
        run, names = context.runs[name], architectures(context.configs[name])
        flag = run.engine.embedding_flag if run.engine else ""
        is_stored_so = "modules.json" in entry.by_path and bool(names) and all(map(_generates, names))
        if flag and flag not in run.args and is_stored_so and not run.is_fork:
            title = run.engine.title if run.engine else ""
            yield Found(
                context.at_origin(name, "repo"),
                f"{entry.repo} is an embedding model, but {title} serves it as a chat model ({names[0]})",
                f"write `{flag} = true` in `args`",
            )


@rule("MG533", "generator-for-embeddings", Severity.WARNING)
def generator_for_embeddings(context: Context) -> Iterator[Found]:
    """A model that generates text on TEI, which returns only embeddings and scores.

    ## Why
    TEI does not start: "The `--pooling` arg is not set and we could not find a pooling configuration". Rerankers such
    as Qwen3-Reranker, which are stored like a chat model, do not run either (text-embeddings-inference#643).

    ## Bad
    ```toml
    [models.embed]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
    repo = "Qwen/Qwen3-0.6B"
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-0.6B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen3ForCausalLM"]}'
    ```

    ## Good
    ```toml
    [models.embed]
    engine = "tei"
    image = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
    repo = "Qwen/Qwen3-0.6B"
    args = { pooling = "last-token" }
    ```
    """
    for name, entry in context.locked.items():
        run, names = context.runs[name], architectures(context.configs[name])
        engine = run.engine
        if engine is None or engine.opens is None or not engine.opens.pooling or run.is_fork:
            continue
        is_said = _POOLING in run.args or _POOLING.upper() in run.env or _POOLING_MODULE in entry.by_path
        if names and all(map(_generates, names)) and not is_said:
            yield Found(
                context.at_origin(name, "repo"),
                f"{entry.repo} generates text ({names[0]}), but {engine.title} returns embeddings and scores",
                f"use an embedding model or a reranker, or an engine such as vllm; if its embeddings are meant, write "
                f'`{_POOLING} = "last-token"` in `args`',
            )


@rule("MG523", "audio-without-packages", Severity.WARNING)
def audio_without_packages(context: Context) -> Iterator[Found]:
    """A model for audio on an image of vLLM that has no packages to decode audio.

    ## Why
    vLLM's images until 0.24 do not have the packages of `vllm[audio]`. Each transcription ends with "Please install
    vllm[audio] for audio support", some models at the start.

    ## Bad
    ```toml
    [models.whisper]
    image = "vllm/vllm-openai:v0.19.0"
    repo = "openai/whisper-large-v3"
    args = { max-model-len = 448 }
    ```

    ```lock
    [[snapshots]]
    repo = "openai/whisper-large-v3"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["WhisperForConditionalGeneration"]}'
    ```

    ## Good
    ```toml
    [models.whisper]
    image = "registry.internal/vllm-audio:v0.19.0"
    version = "0.19.0"
    repo = "openai/whisper-large-v3"
    args = { max-model-len = 448 }
    ```
    """
    for name, config in context.configs.items():
        run = context.runs[name]
        engine, image, version = run.engine, run.image, run.version
        if engine is None or engine.lacks_audio is None or image is None or version is None or run.is_fork:
            continue
        if {*architectures(config)} & engine.audio and engine.lacks_audio(version, image):
            message = f"{run.model.repo} is for audio, but this image has no packages that decode audio"
            yield Found(_image_place(context, name), message, _with_audio(image, version))


@rule("MG269", "audio-beside-text", Severity.INFO)
def audio_beside_text(context: Context) -> Iterator[Found]:
    """A model for text, images and audio on an image of vLLM that has no packages to decode audio.

    ## Why
    The model starts and answers text, and a request with audio ends with "Please install vllm[audio] for audio
    support": vLLM's images until 0.24 do not have these packages.

    ## Bad
    ```toml
    [models.omni]
    image = "vllm/vllm-openai:v0.19.0"
    repo = "Qwen/Qwen2.5-Omni-7B"
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen2.5-Omni-7B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    config = '{"architectures": ["Qwen2_5OmniModel"]}'
    ```

    ## Good
    ```toml
    [models.omni]
    image = "vllm/vllm-openai:v0.33.0"
    repo = "Qwen/Qwen2.5-Omni-7B"
    args = { max-model-len = 16384 }
    ```
    """
    for name, config in context.configs.items():
        run = context.runs[name]
        engine, image, version = run.engine, run.image, run.version
        if engine is None or engine.lacks_audio is None or image is None or version is None or run.is_fork:
            continue
        if {*architectures(config)} & engine.audio_beside_text and engine.lacks_audio(version, image):
            message = f"{run.model.repo} takes audio too, which this image has no packages to decode"
            yield Found(_image_place(context, name), message, f"for audio, {_with_audio(image, version)}")


def _image_place(context: Context, model: str) -> Span:
    place = context.runs[model].place
    return context.document.at_value(*place) if place else context.at_origin(model, "repo")


def _with_audio(image: Image, version: Version) -> str:
    package = f"vllm[audio]=={version.text}"
    return (
        f"build an image `FROM {image.name}:{image.tag}` that runs `pip install {package}`, and set `image` and "
        "`version` to it in the model's table"
    )


def _generates(architecture: str) -> bool:
    return architecture.endswith(_GENERATES)
