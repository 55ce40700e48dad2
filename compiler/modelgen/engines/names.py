"""Names that follow from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from modelgen.config import Model


def service_name(name: str, model: Model) -> str:
    """Return the service of a model: what it says, else `<engine>-<id>` as a host name."""
    default = f"{model.engine or DEFAULT_ENGINE}-{name}"
    return model.service or default.lower().replace(".", "-").replace("_", "-")
