"""Resolve every value of a model once: the step between `load` and `check`.

Checks and `lower` read the result. They use the Document only for what was written, and where.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from modelgen.resolve.arguments import Argument, unused_arguments
from modelgen.resolve.cards import Card, cards
from modelgen.resolve.pins import ModelPins, pin_models
from modelgen.resolve.runs import ModelRun, run_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.measured import MeasuredStart

__all__ = ["Argument", "Card", "ModelPins", "ModelRun", "Resolved", "cards", "pin_models", "resolve", "run_models"]


class Resolved(NamedTuple):
    """A document with its lock, resolved.

    Args:
        document: The user's file, which may have errors.
        lock: The models.lock beside it; None without one that can be used.
        runs: What each model runs on, by the model's id.
        pins: What the lock says of each model, by the model's id.
        cards: The GPUs of `[gpus]` by name.
        unused_arguments: The `args` of `[defaults]` and `[engines]` that no model uses.
        measured: The starts of models.measured.toml, by the model's id; each counts only for what it was measured with.
    """

    document: Document
    lock: Lock | None
    runs: Mapping[str, ModelRun]
    pins: Mapping[str, ModelPins]
    cards: Mapping[str, Card]
    unused_arguments: tuple[Argument, ...]
    measured: Mapping[str, MeasuredStart] = MappingProxyType({})


def resolve(
    document: Document, lock: Lock | None, measured: Mapping[str, MeasuredStart] = MappingProxyType({})
) -> Resolved:
    """Resolve a document, which may have errors, and the lock and the measured starts beside it."""
    runs = run_models(document)
    unused = unused_arguments(document)
    return Resolved(document, lock, runs, pin_models(runs, lock), cards(document.config), unused, measured)
