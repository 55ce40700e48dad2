"""Names that follow from others."""

from __future__ import annotations


def default_service(engine: str, model: str) -> str:
    """Return the service name of a model that does not choose one."""
    return f"{engine}-{model}".lower().replace(".", "-").replace("_", "-")
