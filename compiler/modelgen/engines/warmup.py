"""Which route a model is asked one question on before it counts as ready: one that its kind has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CHAT, EMBEDDINGS, RERANK = "/v1/chat/completions", "/v1/embeddings", "/v1/rerank"

_CLASSIFIERS = "ForSequenceClassification"
_ENCODERS = ("BertModel", "RobertaModel", "NewModel", "EmbeddingModel", "ForMaskedLM")
_SCORING = frozenset({"classify", "score"})
_EMBEDDING = frozenset({"embed", "embedding", "encode", "reward"})


def transcribes(config: Mapping[str, Any]) -> bool:
    """Return whether a model takes nothing but sound, so that no question of a few bytes can be asked."""
    return any(name.startswith("Whisper") for name in _architectures(config))


def warmup_route(engine: str, args: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return the route of the one question; None where there is none to ask.

    Args:
        engine: Its name.
        args: By canonical name.
        config: The model's config.json; empty where it is not known.
    """
    if transcribes(config):
        return None
    names = [*_architectures(args.get("hf-overrides")), *_architectures(config)]
    is_classifier = any(name.endswith(_CLASSIFIERS) for name in names)
    if engine == "tei":
        return _of_tei(config) if is_classifier else "/embed"
    if engine == "llamacpp":
        return RERANK if _is_on(args, "rerank", "reranking") else EMBEDDINGS if _is_on(args, *_LLAMA_EMBEDS) else CHAT
    if engine == "sglang":
        return RERANK if is_classifier else EMBEDDINGS if _is_on(args, "is-embedding") else CHAT
    if engine == "vllm":
        return _of_vllm(args, names, is_classifier=is_classifier)
    return CHAT


_LLAMA_EMBEDS = ("embedding", "embeddings")


def _of_tei(config: Mapping[str, Any]) -> str:
    labels = config.get("id2label")
    return "/predict" if isinstance(labels, dict) and len(labels) > 1 else "/rerank"


def _of_vllm(args: Mapping[str, Any], names: Iterable[str], *, is_classifier: bool) -> str:
    wanted = {args.get(name) for name in ("task", "convert") if isinstance(args.get(name), str)}
    if args.get("runner") == "generate" or "generate" in wanted:
        return CHAT
    if is_classifier or wanted & _SCORING:
        return RERANK
    is_pooling = args.get("runner") == "pooling" or bool(wanted & _EMBEDDING)
    return EMBEDDINGS if is_pooling or any(name.endswith(_ENCODERS) for name in names) else CHAT


def _is_on(args: Mapping[str, Any], *names: str) -> bool:
    return any(args.get(name) is True for name in names)


def _architectures(config: object) -> list[str]:
    written = config.get("architectures") if isinstance(config, dict) else None
    return [name for name in written if isinstance(name, str)] if isinstance(written, list) else []
