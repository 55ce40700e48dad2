"""The names that clients send: of models, and of their variants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from modelgen_runtime.http.json_edit import Edits

if TYPE_CHECKING:
    from modelgen_runtime.engines.admission import Admission
    from modelgen_runtime.manifest import Model, Variant
    from modelgen_runtime.state.board import Board


class Target(NamedTuple):
    """A model, or a variant of one, as a name selects it.

    Args:
        admission: Admission of the model.
        variant: Name of the variant; None for a name of the model itself.
        edits: Edits of the body for a variant.
    """

    admission: Admission
    variant: str | None = None
    edits: Edits | None = None


def targets(board: Board) -> dict[str, Target]:
    """Return the targets of all names. A changed model has its new names, and a removed one those that are left."""
    found: dict[str, Target] = {}
    for record in board.records.values():
        model = record.successor or record.model
        named = {name: Target(record.admission) for name in model.names}
        named |= {
            variant.name: Target(record.admission, variant.name, _edits(model, variant)) for variant in model.variants
        }
        found = {**found, **named} if not record.is_removed else {**named, **found}
    return found


def _edits(model: Model, variant: Variant) -> Edits:
    """Return the edits of a variant, with the name under which the engine serves its model."""
    name = json.dumps(model.upstream_name or model.id)
    set_ = {"model": name, **variant.set_params}
    return Edits(_encoded(set_), _encoded(variant.defaults), variant.strip_params)


def _encoded(table: dict[str, str]) -> dict[str, bytes]:
    return {key: text.encode() for key, text in table.items()}
