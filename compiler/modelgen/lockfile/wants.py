"""What models.toml asks of the hub, before anybody has looked there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Want:
    """A repository that a model needs at run time.

    Two wants are equal when the same files answer them, whoever asks.

    Args:
        repo: Repository id; `local/…` was made by `modelgen add`.
        revision: Commit, tag or branch as written; None for the default branch.
        include: Glob patterns of the files to fetch; empty for all that serving needs.
        exclude: Glob patterns of the files to leave out.
        models: Ids of the models that need it.
        role: What for: `model`, `tokenizer`, `code`, `lora` or `draft`.
    """

    repo: str
    revision: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    models: tuple[str, ...] = field(default=(), compare=False)
    role: str = field(default="model", compare=False)


def merge(wants: Iterable[Want]) -> list[Want]:
    """Return each want once, with all models that need it, in their first order."""
    merged: dict[Want, Want] = {}
    for want in wants:
        known = merged.get(want, want)
        models = tuple(dict.fromkeys((*known.models, *want.models)))
        merged[want] = Want(want.repo, want.revision, want.include, want.exclude, models, known.role)
    return [*merged.values()]
