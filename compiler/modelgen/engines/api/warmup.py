"""Select the route of the warmup request by the kind of model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT, EMBEDDINGS, RERANK = "/v1/chat/completions", "/v1/embeddings", "/v1/rerank"

_CLASSIFIERS = "ForSequenceClassification"


def transcribes(config: Mapping[str, Any]) -> bool:
    """Return whether a model accepts only audio, for which there is no request of a few bytes."""
    return any(name.startswith("Whisper") for name in architectures(config))


def chat(_: Mapping[str, Any], __: Mapping[str, Any]) -> str:
    """Return the route of chat, the default."""
    return CHAT


def is_classifier(args: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether a model returns scores or classes, also by the flag `hf-overrides`."""
    names = [*architectures(args.get("hf-overrides")), *architectures(config)]
    return any(name.endswith(_CLASSIFIERS) for name in names)


def is_on(args: Mapping[str, Any], *names: str) -> bool:
    """Return whether one of several flags is true."""
    return any(args.get(name) is True for name in names)


def architectures(config: object) -> list[str]:
    """Return the names of a config's architectures; empty if they are missing or invalid."""
    written = config.get("architectures") if isinstance(config, dict) else None
    return [name for name in written if isinstance(name, str)] if isinstance(written, list) else []
