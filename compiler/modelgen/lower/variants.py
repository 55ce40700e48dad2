"""Lower the variants of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen import ir
from modelgen.config import variant_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.config import Model


def variants_of(name: str, model: Model) -> tuple[ir.Variant, ...]:
    """Return the variants of a model, with values as JSON text."""
    return tuple(
        ir.Variant(
            variant_name(name, key, variant),
            _as_json(variant.defaults),
            _as_json(variant.set_params),
            tuple(variant.strip_params or ()),
        )
        for key, variant in (model.variants or {}).items()
    )


def _as_json(table: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple((key, json.dumps(value, ensure_ascii=False)) for key, value in (table or {}).items())
